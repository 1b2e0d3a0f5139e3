package tekton

import "testing"

func TestClusterStands(t *testing.T) {
	t.Log(the.image)
}
