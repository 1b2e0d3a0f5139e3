package main

const policy = "internal/policy"

// rules are those of the gate. The cases of TestRules are named after them: every one of TestRules/<rule>/ fails without the
// rule, and no other.
var rules = []check{
	rule("fail-on", "Rules.refusesRated", "false"),
	rule("fail-on-known-exploited", "Rules.refusesExploited", "false"),
	rule("fail-on-epss", "Rules.refusesLikely", "false"),
	rule("only-fixed", "Rules.unfixed", `"", "", false`),
	rule("grace", "Rules.inGrace", `"", "", false`),
	rule("scope", "Rules.outOfScope", `"", "", false`),
	rule("exceptions", "Exception.fits", "false"),
	rule("new-only", "Policy.knows", "false"),
	rule("waivers", "Waiver.excuses", "false"),
	rule("waiver-expiry", "Waiver.Expired", "false"),
	rule("waiver-complete", "indexed.isUsable", ""),
	rule("waiver-package", "Waiver.coversPackage", ""),
	rule("waiver-image", "Waiver.coversImage", ""),
	rule("waiver-path", "Waiver.coversPlaces", ""),
	rule("vex", "indexed.statement", "Statement{}, false"),
	rule("vex-status", "Statement.excuses", "s.Status != 0"),
	rule("vex-newest", "newer", "false"),
	rule("vex-product", "Statement.covers", ""),
	rule("denied-packages", "Rules.denies", `"", ""`),
	rule("denied-licenses", "Rules.deniesLicense", `""`),
	rule("required-licenses", "Rules.missesLicense", `""`),
	rule("minimum-elements", "Rules.findsLacking", "false"),
	rule("coverage", "Decision.isUncovered", "false"),
	rule("ratings", "Decision.isUnrated", "false"),
	rule("allow-uncovered", "Coverage.allowedByAll", "false"),
	rule("unreadable", "unread", "nil"),
	rule("empty-catalogue", "isEmpty", "false"),
	rule("allow-empty", "Rules.takeEmpty", "false"),
	rule("policy-base", "strictest", "judge(policies[0])"),
}

func rule(name, function, passes string) check {
	return check{function: policy + "." + function, passes: passes, tests: []string{ruleTests(name)}}
}

func ruleTests(name string) string { return "TestRules/" + name + "/" }
