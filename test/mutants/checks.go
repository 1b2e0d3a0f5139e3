package main

const (
	signing    = "internal/signing"
	evidence   = "internal/evidence"
	strictjson = "internal/strictjson"
	image      = "internal/image"
	trust      = "internal/trust"
	step       = "internal/step"
)

// checks are those of the verification, and of the parsers that it goes by. What sigstore-go checks is taken away as far as
// it need not be asked for: it takes no certificate without its chain, nor without a time at which to verify that.
var checks = []check{
	{function: signing + ".Certificate.issuedAs", tests: []string{
		"TestAttack12LookalikeIdentity/an_issuer_",
		"TestAttack13WrongIdentity/the_right_workflow_by_another_issuer/",
	}},
	{function: signing + ".Certificate.subjectOf", tests: []string{
		"TestAttack09FailedScan/a_stranger's_pass_alone",
		"TestAttack09FailedScan/a_stranger's_refusal_beside_a_pass",
		"TestAttack12LookalikeIdentity/a_branch_",
		"TestAttack12LookalikeIdentity/a_dot_",
		"TestAttack12LookalikeIdentity/a_repository_",
		"TestAttack12LookalikeIdentity/the_workflow_in_",
		"TestAttack13OneSignerForTwo/one_identity_under_two_names",
		"TestAttack13WrongIdentity/a_person/",
		"TestAttack13WrongIdentity/another_workflow_",
		"TestAttack13WrongIdentity/the_right_workflow_on_",
		"TestAttack13WrongIdentity/the_same_workflow_of_a_fork/",
		"TestAttack24VEXOfAnybody/by_a_stranger",
	}},
	{function: signing + ".Certificate.calledBy", tests: []string{
		"TestAttack13WrongIdentity/a_reusable_workflow,_called_by_another_one/",
	}},
	{function: signing + ".Certificate.sourcedIn", tests: []string{
		"TestAttack13WrongIdentity/a_reusable_workflow_that_anybody_called/",
		"TestAttack13WrongIdentity/a_token_that_names_no_repository/",
	}},
	{function: signing + ".Certificate.sourcedAt", tests: []string{
		"TestAttack13WrongIdentity/a_reusable_workflow,_called_on_a_branch/",
	}},
	{function: signing + ".Signer.maySign", tests: []string{
		"TestAttack13TrustedWithSomethingElse/a_scan_by_whom_only_SBOMs",
		"TestAttack13TrustedWithSomethingElse/a_signature_by_whom_only_SBOMs",
		"TestAttack13TrustedWithSomethingElse/an_SBOM_by_whom_only_scans",
		"TestAttack24VEXOfAnybody/by_whom_scans_are_taken",
	}},
	{function: signing + ".Signer.isAmong", tests: []string{
		"TestAttack13TrustedWithSomethingElse/a_scan_by_another_than_is_asked_for",
	}},
	{function: signing + ".areEnough", tests: []string{
		"TestAttack13OneSignerForTwo/one_identity",
		"TestAttack13OneSignerForTwo/two_",
	}},
	{function: signing + ".isNewVoice", tests: []string{
		"TestAttack13OneSignerForTwo/one_identity_under_two_names",
	}},
	{function: signing + ".isFree", tests: []string{
		"TestAttack13OneSignerForTwo/two_branches_of_one_signer",
	}},
	{function: signing + ".judge.isAbout", tests: []string{
		"TestAttack04CopiedFromAnotherImage",
		"TestAttack04CopiedKeylessSignature/beside_another_image",
		"TestAttack05SimpleSigningPayloads/another_image",
		"TestAttack06SecondSubject",
		"TestAttack06Subjects/an_empty_one_first",
		"TestAttack06Subjects/another_image",
		"TestAttack06Subjects/by_another_algorithm",
		"TestAttack06Subjects/by_name_alone",
		"TestAttack06Subjects/in_capitals",
		"TestAttack06Subjects/with_the_algorithm_in_front",
		"TestAttack24VEXOfAnybody/about_another_image",
	}},
	{function: signing + ".finding.saysThatItIsSigned", tests: []string{
		"TestAttack02IndexSignedInPart/the_index_is_signed,_a_platform_is_not",
		"TestAttack04CopiedFromAnotherImage",
		"TestAttack08AttestationIsNoSignature",
		"TestAttack08KeylessAttestationIsNoSignature/three_attestations",
		"TestAttack09FailedScan/a_refused_scan_is_no_signature",
		"TestAttack10AnnotationsAreNotSigned/a_scan_that_is_called_a_signature",
	}},
	{function: signing + ".finding.liesWhereSignaturesDo", tests: []string{
		"TestAttack08SignatureInThePlaceOfAttestations",
	}},
	{function: signing + ".certificatesLogged", tests: []string{
		"TestAttack16OutOfTime/after_the_end_of_the_ctlogs",
		"TestAttack17NoPromiseOfACertificateLog/no_log_either",
		"TestAttack17NoPromiseOfACertificateLog/no_promise/",
		"TestAttack17NoPromiseOfACertificateLog/the_promise_of_a_log_nobody_knows/",
	}},
	{function: signing + ".signaturesLogged", tests: []string{
		"TestAttack15CertificateOfAnotherKind/with_the_certificate_of_somebody_trusted/",
		"TestAttack16OutOfTime/after_the_end_of_the_tlogs",
		"TestAttack18WrongLogEntry/Rekor_v1,_at_",
		"TestAttack18WrongLogEntry/Rekor_v1,_of_",
		"TestAttack18WrongLogEntry/Rekor_v1_says_when_it_was/",
		"TestAttack18WrongLogEntry/Rekor_v2,_of_",
		"TestAttack18WrongLogEntry/no_entry/",
		"TestAttack18WrongLogEntry/the_same_entry_twice/",
		"TestAttack19TimestampOfAStranger/beside_a_log/",
		"TestAttack22Downgrade/a_bundle_whose_log_entry",
		"TestAttack22Downgrade/the_same_in_the_form",
		"TestAttack24VEXOfAnybody/without_a_log_entry_left",
	}},
	{function: signing + ".signedInTime", stays: "sigstore-go verifies no certificate without a time"},
	{function: signing + ".Sigstore.loggedThen", tests: []string{
		"TestAttack16OutOfTime/after_the_end_of_the_tlogs",
	}},
	{function: signing + ".Trust.takes", tests: []string{
		"TestAttack22Downgrade/cosign's_tags_by_",
	}},
	{function: signing + ".store.isReferredToBy", tests: []string{
		"TestAttack27ReferrerOfAnotherSubject/about_",
	}},
	{function: signing + ".judge.indexSigned", tests: []string{
		"TestAttack02IndexSignedInPart/the_platforms_are_signed,_the_index_is_not",
	}},
	{function: signing + ".Trust.namesAnybody", tests: []string{
		"TestAttack14NobodyToTrust/nobody",
	}},
	{function: signing + ".Signer.isKnownBySomething", tests: []string{
		"TestAttack14NobodyToTrust/an_empty_key",
	}},
	{function: signing + ".simpleSigning.isSimpleSigning", tests: []string{
		"TestAttack05SimpleSigningPayloads/another_type",
	}},
	{function: signing + ".isBuiltBy", tests: []string{
		"TestAttack13ProvenanceOfAnotherBuild/by_another_builder",
	}},
	{function: signing + ".proof.isForSource", tests: []string{
		"TestAttack13ProvenanceOfAnotherBuild/of_another_repository",
	}},
	{function: signing + ".verified.isByVerifier", tests: []string{
		"TestAttack25VerificationSummaries/of_another_verifier",
	}},
	{function: signing + ".verified.isAboutResource", tests: []string{
		"TestAttack25VerificationSummaries/about_another_place",
	}},
	{function: signing + ".verified.hasHappened", tests: []string{
		"TestAttack25VerificationSummaries/that_claims_to_be_of_later",
	}},
	{function: signing + ".verified.hasPassed", tests: []string{
		"TestAttack25VerificationSummaries/that_says_FAILED",
		"TestAttack31PassStampedAgain/a_verification_summary",
	}},
	{function: signing + ".verified.isByPolicy", tests: []string{
		"TestAttack25VerificationSummaries/by_another_policy",
	}},
	{function: signing + ".verified.isYoung", tests: []string{
		"TestAttack25VerificationSummaries/of_last_year",
	}},
	{function: signing + ".judge.describes", tests: []string{
		"TestAttack07SBOMOfAnotherImage/another_image",
	}},
	{function: signing + ".mayBeUnbound", tests: []string{
		"TestAttack07SBOMOfAnotherImage/Kyverno's",
		"TestAttack07SBOMOfAnotherImage/unbound",
		"TestAttack07SBOMOfAnotherImage/versioned_SPDX",
	}},
	{function: signing + ".scanned.accepts", tests: []string{
		"TestAttack09FailedScan/a_refused_scan_is_no_pass",
		"TestAttack09FailedScan/a_stranger's_pass_beside_it",
		"TestAttack31NewestScan/a_newer_refusal",
		"TestAttack31NewestScan/a_pass_that_was_signed_again",
		"TestAttack31NewestScan/a_refusal_that_is_newer",
		"TestAttack31NewestScan/an_older_pass",
		"TestAttack31NewestScan/the_same,",
		"TestAttack31PassStampedAgain/a_scan",
	}},
	{function: signing + ".scanned.isOfImage", tests: []string{
		"TestAttack09FailedScan/a_pass_of_another_image",
	}},
	{function: signing + ".scanned.hasVerdict", tests: []string{
		"TestAttack31NewestScan/a_newer_scan_by_a_version_",
	}},
	{function: signing + ".scanned.hasEnded", tests: []string{
		"TestAttack23OldScan/of_tomorrow",
	}},
	{function: signing + ".scanned.isYoung", tests: []string{
		"TestAttack23OldScan/old",
	}},
	{function: signing + ".madeAt", passes: "w.claim()", tests: []string{
		"TestAttack23OldScan/old,_and_claims_to_be_young",
		"TestAttack23OldScan/old,_claims_to_be_young,_and_was_signed_again",
		"TestAttack31NewestScan/a_refusal_that_claims_to_be_of_the_future",
	}},
	{function: signing + ".firstStamped", passes: "one", tests: []string{
		"TestAttack23OldScan/old,_claims_to_be_young,_and_was_signed_again",
	}},
	{function: signing + ".scanned.isByPolicy", tests: []string{
		"TestAttack09FailedScan/a_pass_by_a_policy_nobody_accepted",
	}},
	{function: signing + ".scanned.at", passes: "s.scan.Finished", tests: []string{
		"TestAttack23OldScan/old,_and_claims_to_be_young",
		"TestAttack23OldScan/old,_claims_to_be_young,_and_was_signed_again",
		"TestAttack31NewestScan/an_older_pass_that_claims_to_be_newer",
		"TestAttack31NewestScan/a_newer_refusal",
		"TestAttack31NewestScan/a_refusal_that_claims_to_be_of_the_future",
	}},
	{function: signing + ".newest", passes: "lastFirst[0]", tests: []string{
		"TestAttack31PassStampedAgain/a_scan",
		"TestAttack31PassStampedAgain/a_verification_summary",
	}},
	{function: strictjson + ".Bounds.hold", tests: []string{
		"TestAttack29TrustedRootsThatCannotBeUsed/endless",
	}},
	{function: signing + ".isMissing", passes: "false", tests: []string{
		"TestAttack29TrustedRootsThatCannotBeUsed/without_",
	}},
	{function: signing + ".printable", passes: "text", tests: []string{
		"TestAttack30NothingForeignIsPrintedRaw",
	}},
	{function: strictjson + ".level.add", tests: []string{
		"TestAttack05SimpleSigningPayloads/this_one_last",
		"TestAttack06Subjects/and_another_in_another_case",
		"TestAttack06Subjects/this_image_and_another_at_once",
		"TestAttack11Envelopes/the_payload_twice",
		"TestAttack11StatementsWithTwoReadings/the_predicate_twice",
		"TestAttack11StatementsWithTwoReadings/the_result_twice",
		"TestAttack11StatementsWithTwoReadings/the_subject_twice",
		"TestAttack11StatementsWithTwoReadings/the_type_twice",
		"TestAttack11StatementsWithTwoReadings/the_verdict_twice",
	}},
	{function: strictjson + ".folded", passes: "key", tests: []string{
		"TestAttack06Subjects/and_another_in_another_case",
	}},
	{function: evidence + ".isKnown", tests: []string{
		"TestAttack11StatementsWithTwoReadings/an_unknown_key",
		"TestAttack11StatementsWithTwoReadings/the_subject_in_another_case",
		"TestAttack11StatementsWithTwoReadings/the_type_in_another_case",
	}},
	{function: evidence + ".isAboutSomething", tests: []string{
		"TestAttack06Subjects/2000_of_them",
		"TestAttack06Subjects/nobody",
		"TestAttack06Subjects/null",
	}},
	{function: evidence + ".isStatementType", tests: []string{
		"TestAttack11StatementsWithTwoReadings/another_type_of_statement",
	}},
	{function: evidence + ".IsPayloadType", tests: []string{
		"TestAttack11Envelopes/another_payload_type",
	}},
}

// doubts are checks that tests are about which wait for retries.
var doubts = []check{
	{function: signing + ".Requirement.despite", passes: "r", tests: []string{
		"TestAttack26NoneUntrustedUnreadable/401",
		"TestAttack26NoneUntrustedUnreadable/403",
		"TestAttack26NoneUntrustedUnreadable/429",
		"TestAttack26NoneUntrustedUnreadable/500",
		"TestAttack26NoneUntrustedUnreadable/503",
		"TestAttack26OneUnreadableDocumentIsADoubt/",
		"TestAttack26UnreadableReferrersAreNotNone/",
		"TestAttack26UnreadableTagsAreNotNone",
	}},
	{function: signing + ".staysGood", tests: []string{
		"TestAttack26OneUnreadableDocumentIsADoubt/",
		"TestAttack26UnreadableReferrersAreNotNone/",
		"TestAttack26UnreadableTagsAreNotNone",
	}},
	{function: signing + ".writer.lost", tests: []string{
		"TestAttack32WritesThatStayLost",
	}},
}

// The parsers and steps around the verification are tested where they lie.
var imageChecks = []check{
	{function: image + ".Registry.Moved", passes: "v1.Hash{}, false, nil", tests: []string{
		"TestAttack01TagMoves/after_it_was_opened",
		"TestAttack01TagMoves/another_tag_and_a_platform",
		"TestAttack01TagMoves/the_tag_and_another_image",
	}},
	{function: image + ".isOfDigest", tests: []string{
		"TestAttack03BlobsThatAreOthers/",
	}},
}

var trustChecks = []check{
	{function: trust + ".isAnchored", tests: patterns(
		"a_$_in_a_class", "a_$_that_is_", "a_^_that_is_escaped", "an_empty_second", "an_end_", "another_beginning",
		"another_end", "any_text_at_all", "no_beginning", "no_end", "two_anchored_expressions", "two_beginnings",
		"two_expressions",
	)},
	{function: trust + ".refuseAnchors", tests: patterns(
		"a_word's_end", "an_anchor_within", "nothing_that_could_be",
	)},
	{function: trust + ".refuseFlags", tests: patterns(
		"a_flag_turned_off", "lines", "no_case", "what_looks_ahead",
	)},
	{function: trust + ".keepsRef", tests: patterns(
		"a_branch_in_", "a_branch_like_", "a_class_that_has_an_@", "a_group_that_has_an_@",
	)},
	{function: trust + ".refOrigin", passes: "origin{}, nil", tests: patterns(
		"a_branch_without_its_root", "a_pull_request", "a_ref_of_some_kind", "any_kind_of_ref", "any_ref",
	)},
	{function: trust + ".mailOrigin", passes: "origin{}, nil", tests: patterns(
		"a_URL_before_the_domain", "a_ref_for_a_domain", "anything_before_the_domain", "not_an_@_before_the_domain",
		"two_addresses",
	)},
	{function: trust + ".Claim.urlOrigin", passes: "origin{text: head}, nil", tests: patterns(
		"a_case_by_class", "a_choice_of_", "a_domain's_end", "a_dot_in_", "a_host_", "a_mail_address_as_a_workflow",
		"a_plain_scheme", "a_query_for_the_organisation", "a_trust_domain_as_an_issuer", "a_way_upwards",
		"an_empty_organisation", "an_optional_slash", "an_organisation_and_any_end", "an_upper-case_host",
		"another_path_for_a_namespace", "another_user_of_the_host", "any_cluster_of_a_provider", "any_domain_under_one",
		"any_host", "any_issuer", "any_mail", "any_namespace", "any_organisation", "any_project_of_a_provider",
		"any_repository", "any_tenant_of_an_issuer", "any_trust_domain", "anything_between_anchors", "no_host",
	)},
}

// patterns are cases of the one test of expressions in a trust section.
func patterns(cases ...string) []string {
	var names []string
	for _, name := range cases {
		names = append(names, "TestAttack12PatternThatFitsStrangersIsRefused/"+name)
	}
	return names
}

var stepChecks = []check{
	{function: step + ".Run.noticeConfigChange", tests: []string{
		"TestAttack33RulesThatAChangeBrings/nobody_",
		"TestAttack33RulesThatAChangeBrings/others_",
		"TestAttack33RulesThatAChangeBrings/where_",
	}},
	{function: step + ".configFile.forgetVerify", passes: "false", tests: []string{
		"TestAttack34TrustInACheckout/found",
	}},
}
