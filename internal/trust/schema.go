package trust

// Schema is the JSON Schema of what Read reads. What refers to what, and whether a pattern could fit a stranger, it
// cannot say.
const Schema = `{
  "type": "object",
  "additionalProperties": false,
  "required": ["authorities", "signers", "evidence"],
  "properties": {
    "authorities": {
      "description": "what vouches for signers, by name",
      "type": "object",
      "minProperties": 1,
      "maxProperties": 100,
      "propertyNames": {"pattern": "^[a-z0-9-]{1,64}$"},
      "additionalProperties": {
        "oneOf": [
          {"type": "object", "additionalProperties": false, "required": ["public-sigstore"], "properties": {
            "public-sigstore": {"const": true, "description": "the public Sigstore, whose root is fetched by TUF"},
            "signing-config": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "path of signing_config.json, for who signs"}}},
          {"type": "object", "additionalProperties": false, "required": ["tuf-mirror", "tuf-root"], "properties": {
            "tuf-mirror": {"type": "string", "maxLength": 1024, "pattern": "^https?://[^/?#@* ][^?#@* ]*$", "description": "URL of the TUF repository of a Sigstore of one's own"},
            "tuf-root": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "path of the root.json by which all that the mirror says is checked"},
            "signing-config": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "path of signing_config.json, in the place of the mirror's"},
            "transparency-log": {"type": "boolean", "description": "signatures have to be in a transparency log (true); otherwise a timestamp says when they were made"},
            "certificate-transparency": {"type": "boolean", "description": "certificates have to be in a certificate transparency log (true)"}}},
          {"type": "object", "additionalProperties": false, "required": ["trusted-root"], "properties": {
            "trusted-root": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "path of trusted_root.json"},
            "signing-config": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "path of signing_config.json, for who signs"},
            "transparency-log": {"type": "boolean", "description": "signatures have to be in a transparency log (true); otherwise a timestamp says when they were made"},
            "certificate-transparency": {"type": "boolean", "description": "certificates have to be in a certificate transparency log (true)"}}},
          {"type": "object", "additionalProperties": false, "required": ["public-key"], "properties": {
            "public-key": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "path of a public key in PEM"}}},
          {"type": "object", "additionalProperties": false, "required": ["kms"], "properties": {
            "kms": {"type": "string", "maxLength": 1024, "pattern": "^(awskms|azurekms|gcpkms|hashivault)://.*[^/]", "description": "a key in a key management service"},
            "public-key": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "path of its public half in PEM, so that who verifies asks nobody"}}},
          {"type": "object", "additionalProperties": false, "required": ["certificates"], "properties": {
            "certificates": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "path of a CA's chain in PEM, intermediates first and the root last"},
            "timestamp-authority": {"type": "string", "minLength": 1, "maxLength": 1024, "description": "path of the chain in PEM of the authority whose timestamps are taken, leaf first"}}}
        ]
      }
    },
    "signers": {
      "description": "who is trusted, by name",
      "type": "object",
      "minProperties": 1,
      "maxProperties": 1000,
      "propertyNames": {"pattern": "^[a-z0-9-]{1,64}$"},
      "additionalProperties": {
        "type": "object",
        "additionalProperties": false,
        "required": ["authority"],
        "properties": {
          "authority": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$", "description": "which authority vouches for it"},
          "issuer": {"type": "string", "maxLength": 1024, "pattern": "^https?://[^*]*[^*$]$", "description": "of the identity token, exactly; only a signer of certificates does without"},
          "issuer-pattern": {"type": "string", "maxLength": 1024, "pattern": "^\\^[^\\n]*\\$$", "description": "of the identity token, as an expression (RE2)"},
          "subject": {"type": "string", "maxLength": 1024, "pattern": "^([^*^$]|[^*^][^*]*[^*$])$", "description": "the certificate's subject alternative name, exactly"},
          "subject-pattern": {"type": "string", "maxLength": 1024, "pattern": "^\\^[^\\n]*\\$$", "description": "the certificate's subject alternative name, as an expression (RE2)"},
          "caller-workflow": {"type": "string", "maxLength": 1024, "pattern": "^([^*^$]|[^*^][^*]*[^*$])$", "description": "the workflow that was started, and may have called the one that is the subject, exactly"},
          "caller-workflow-pattern": {"type": "string", "maxLength": 1024, "pattern": "^\\^[^\\n]*\\$$", "description": "the same as an expression (RE2)"},
          "source-repository": {"type": "string", "maxLength": 1024, "pattern": "^([^*^$]|[^*^][^*]*[^*$])$", "description": "URL of the repository that was built, exactly"},
          "source-repository-pattern": {"type": "string", "maxLength": 1024, "pattern": "^\\^[^\\n]*\\$$", "description": "the same as an expression (RE2)"},
          "source-ref": {"type": "string", "maxLength": 1024, "pattern": "^([^*^$]|[^*^][^*]*[^*$])$", "description": "the ref that was built, such as refs/heads/main, exactly"},
          "source-ref-pattern": {"type": "string", "maxLength": 1024, "pattern": "^\\^[^\\n]*\\$$", "description": "the same as an expression (RE2)"},
          "may-sign": {"type": "array", "minItems": 1, "uniqueItems": true, "description": "which kinds of evidence; everything where it is not there",
            "items": {"enum": ["signature", "sbom", "scan", "provenance", "vex", "verification-summary"]}}
        },
        "allOf": [
          {"not": {"required": ["issuer", "issuer-pattern"]}},
          {"not": {"required": ["subject", "subject-pattern"]}},
          {"not": {"required": ["caller-workflow", "caller-workflow-pattern"]}},
          {"not": {"required": ["source-repository", "source-repository-pattern"]}},
          {"not": {"required": ["source-ref", "source-ref-pattern"]}},
          {"anyOf": [
            {"propertyNames": {"enum": ["authority", "may-sign"]}},
            {"required": ["subject"]},
            {"required": ["subject-pattern"]}
          ]}
        ]
      }
    },
    "evidence": {
      "description": "what an image must carry, by kind",
      "type": "object",
      "additionalProperties": false,
      "minProperties": 1,
      "properties": {
        "signature": {"type": "object", "additionalProperties": false, "properties": {` + demandSchema + `}},
        "sbom": {"type": "object", "additionalProperties": false, "properties": {` + demandSchema + `,
          "binding": {"type": "boolean", "description": "it must say itself which image it describes"}}},
        "scan": {"type": "object", "additionalProperties": false, "properties": {` + demandSchema + `,` + freshSchema + `}},
        "provenance": {"type": "object", "additionalProperties": false, "properties": {` + demandSchema + `,
          "builders": {"type": "array", "minItems": 1, "maxItems": 100, "uniqueItems": true, "description": "accepted builder ids, exactly; any where it is not there",
            "items": {"type": "string", "maxLength": 1024, "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:[^* ^$]+$"}}}},
        "verification-summary": {"type": "object", "additionalProperties": false, "required": ["verifiers"], "properties": {` + demandSchema + `,` + freshSchema + `,
          "verifiers": {"type": "array", "minItems": 1, "maxItems": 100, "uniqueItems": true, "description": "accepted verifier ids, exactly",
            "items": {"type": "string", "maxLength": 1024, "pattern": "^[A-Za-z][A-Za-z0-9+.-]*:[^* ^$]+$"}}}}
      }
    },
    "sign-with": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$", "description": "the authority that sign-attest asks"},
    "signature-format": {"enum": ["bundle", "legacy", "both"], "description": "how signatures are stored"}
  }
}`

const demandSchema = `
          "signers": {"type": "array", "minItems": 1, "maxItems": 100, "uniqueItems": true, "description": "whose word counts; every signer that may sign the kind where it is not there",
            "items": {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}},
          "threshold": {"type": "integer", "minimum": 1, "maximum": 1000, "description": "of how many signers, each counted once; 1 where it is not there"}`

const freshSchema = `
          "max-age": {"type": "string", "pattern": "^([0-9]+d|\\+?([0-9.]+(ns|us|µs|μs|ms|s|m|h))+)$", "description": "how old it may be, such as 72h or 7d; any age where it is not there"},
          "policies": {"type": "array", "minItems": 1, "maxItems": 100, "uniqueItems": true, "description": "digests of accepted policies (policy-digest); any where it is not there",
            "items": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}}`
