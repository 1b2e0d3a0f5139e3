package tekton

import (
	"os"
	"path/filepath"
)

// folder is where the volume of the space is on the node.
func (s *space) folder() string { return filepath.Join(made.state, "volumes", s.name) }

// volume is a workspace source on a volume that outlives a pod. Nothing here provisions any, so it is made by hand, for
// everybody, as a volume with an fsGroup would be for the group.
func (s *space) volume() any {
	s.Helper()
	if err := os.MkdirAll(s.folder(), 0o777); err != nil {
		s.Fatal(err)
	}
	if err := os.Chmod(s.folder(), 0o777); err != nil { // the umask has no say
		s.Fatal(err)
	}
	size := map[string]any{"storage": "1Gi"}
	s.apply(object("v1", "PersistentVolume", s.name, map[string]any{"spec": map[string]any{
		"capacity": size, "accessModes": []any{"ReadWriteOnce"}, "storageClassName": "by-hand",
		"claimRef": map[string]any{"namespace": s.name, "name": "source"}, "hostPath": map[string]any{"path": s.folder()},
	}}))
	s.apply(object("v1", "PersistentVolumeClaim", "source", map[string]any{"spec": map[string]any{
		"accessModes": []any{"ReadWriteOnce"}, "storageClassName": "by-hand", "volumeName": s.name,
		"resources": map[string]any{"requests": size},
	}}))
	return bound("source", "persistentVolumeClaim", map[string]any{"claimName": "source"})
}
