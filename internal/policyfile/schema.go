package policyfile

// WaiversSchema is the JSON Schema of what Waivers reads.
const WaiversSchema = `{
  "type": "array",
  "items": {
    "type": "object",
    "additionalProperties": false,
    "required": ["id", "package", "reason", "owner", "expires"],
    "properties": {
      "id": {"type": "string", "pattern": "^[^* \\t]+$", "description": "CVE, GHSA or another name of the vulnerability; or denied-package, denied-license, missing-license, minimum-elements"},
      "package": {"type": "string", "minLength": 1, "description": "name or package URL; * stands for any characters"},
      "image": {"type": "string", "description": "in which images alone"},
      "path": {"type": "string", "description": "in which places of the image alone"},
      "reason": {"type": "string", "minLength": 1},
      "owner": {"type": "string", "minLength": 1},
      "expires": {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "description": "the last day on which it holds"}
    }
  }
}`

// ExceptionsSchema is the JSON Schema of what Exceptions reads.
const ExceptionsSchema = `{
  "type": "array",
  "items": {
    "type": "object",
    "additionalProperties": false,
    "anyOf": [{"required": ["ecosystem"]}, {"required": ["path"]}, {"required": ["package"]}],
    "minProperties": 2,
    "properties": {
      "ecosystem": {"type": "string", "description": "the type of the package, or of its package URL: npm, deb, python or pypi"},
      "path": {"type": "string", "description": "of every place of the package; * stands for any characters"},
      "package": {"type": "string", "description": "name or package URL; * stands for any characters"},
      "fail-on": {"enum": ["negligible", "low", "medium", "high", "critical", "never"]},
      "fail-on-known-exploited": {"type": "boolean"},
      "fail-on-epss": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
      "only-fixed": {"type": "boolean"},
      "grace": {"type": "string", "pattern": "[0-9]+d"}
    }
  }
}`
