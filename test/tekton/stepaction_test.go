package tekton

import "testing"

// The StepAction is a step of a Task that somebody else wrote.
func TestStepAction(t *testing.T) {
	s := newSpace(t, ordinary)
	for log4j, ending := range map[string]struct{ verdict, reason string }{
		"2.17.1": {"accepted", ""}, "2.14.1": {"refused", "vulnerable"},
	} {
		t.Run(ending.verdict, func(t *testing.T) {
			within := &space{t, s.name}
			repository, digest := app(t, "stepaction/shop", log4j)
			found := within.task("gate-"+ending.verdict, run{task: "gate-of-a-team", params: params{"image": repository + "@" + digest},
				workspaces: []any{dockerconfig, authorities, advisories}}, ending.verdict)
			has(t, found, map[string]string{"reason": ending.reason})
		})
	}
}
