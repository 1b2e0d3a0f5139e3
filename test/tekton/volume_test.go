package tekton

import (
	"os"
	"path/filepath"
)

// folder is where a volume of the space is on the node.
func (s *space) folder(volume string) string {
	return filepath.Join(made.state, "volumes", s.name+"-"+volume)
}

// claim is a claim of a volume that outlives a pod, and the volume.
func (s *space) claim(name string) any {
	s.Helper()
	s.persistent(name, map[string]any{"claimRef": map[string]any{"namespace": s.name, "name": name}})
	s.apply(object("v1", "PersistentVolumeClaim", name, map[string]any{"spec": map[string]any{
		"accessModes": []any{"ReadWriteOnce"}, "storageClassName": "", "volumeName": s.name + "-" + name,
		"resources": map[string]any{"requests": size},
	}}))
	return bound(name, "persistentVolumeClaim", map[string]any{"claimName": name})
}

// unclaimed is a volume for whoever claims one.
func (s *space) unclaimed(name string) { s.persistent(name, map[string]any{}) }

var size = map[string]any{"storage": "1Gi"}

// persistent makes a volume by hand, for nothing here provisions any; and for everybody, as one with an fsGroup would be for
// the group.
func (s *space) persistent(name string, spec map[string]any) {
	s.Helper()
	folder := s.folder(name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		s.Fatal(err)
	}
	if err := os.Chmod(folder, 0o777); err != nil { // the umask has no say
		s.Fatal(err)
	}
	spec["capacity"], spec["accessModes"] = size, []any{"ReadWriteOnce"}
	spec["hostPath"] = map[string]any{"path": folder}
	s.apply(object("v1", "PersistentVolume", s.name+"-"+name, map[string]any{"spec": spec}))
}
