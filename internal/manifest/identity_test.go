package manifest

import (
	"path"
	"slices"
	"strings"
	"testing"

	tekton "github.com/tektoncd/pipeline/pkg/apis/pipeline/v1"
	core "k8s.io/api/core/v1"

	"github.com/stepseal/stepseal/internal/identity"
	pinfile "github.com/stepseal/stepseal/internal/pin"
	"github.com/stepseal/stepseal/internal/step"
	"github.com/stepseal/stepseal/internal/steps"
)

// TestOnlyStepsThatSignGetAnIdentityToken: a token is where identity looks for it, and in no Pod that has no use for it.
func TestOnlyStepsThatSignGetAnIdentityToken(t *testing.T) {
	pin, err := pinfile.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	var signing []string
	for _, spec := range steps.All() {
		wanted := spec.Has(step.Identity)
		if wanted {
			signing = append(signing, spec.Name)
		}
		for name, made := range map[string]*tekton.Task{"kubernetes": task(spec, pin, kubernetes), "openshift": task(spec, pin, openShift), "sample": sampleTask(spec)} {
			if got := projectsToken(t, made.Spec.Volumes); got != wanted {
				t.Errorf("%s on %s: the Task has a token: %t", spec.Name, name, got)
			}
		}
		for name, mounted := range map[string][]core.VolumeMount{"Task": task(spec, pin, kubernetes).Spec.Steps[0].VolumeMounts, "StepAction": stepAction(spec, pin, kubernetes).Spec.VolumeMounts} {
			if got := mountsToken(mounted); got != wanted {
				t.Errorf("%s: the %s mounts a token: %t", spec.Name, name, got)
			}
		}
		page := string(actionPage(spec, pin))
		if got := strings.Contains(page, "| `id-token: write` |"); got != wanted {
			t.Errorf("%s: the action's page says that it may ask for a token: %t", spec.Name, got)
		}
		if strings.Contains(quickStart(spec, pin), "id-token") {
			t.Errorf("%s: the quick start signs with a key, and may ask for a token", spec.Name)
		}
	}
	if want := []string{"secure-image", "sign-attest"}; !slices.Equal(slices.Sorted(slices.Values(signing)), want) {
		t.Errorf("%v sign, not %v", signing, want)
	}
}

func projectsToken(t *testing.T, volumes []core.Volume) bool {
	t.Helper()
	for _, v := range volumes {
		if v.Projected == nil {
			continue
		}
		token := v.Projected.Sources[0].ServiceAccountToken
		if token.Audience != identity.Audience || token.Path != path.Base(identity.ProjectedFile) || *token.ExpirationSeconds < 600 {
			t.Errorf("the token is %+v", token)
		}
		return true
	}
	return false
}

func mountsToken(mounts []core.VolumeMount) bool {
	return slices.ContainsFunc(mounts, func(m core.VolumeMount) bool {
		return m.ReadOnly && m.SubPath == "" && m.MountPath == path.Dir(identity.ProjectedFile)
	})
}
