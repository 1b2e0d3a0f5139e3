package registrytest

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// PushManifest stores bytes as a manifest, whatever they are, without using the network. It does not ask whether what
// they list is there.
func (r *Registry) PushManifest(ref, mediaType string, manifest []byte) error {
	repository, at, _ := strings.Cut(strings.TrimPrefix(ref, r.host+"/"), "@")
	req, err := http.NewRequest(http.MethodPut, r.URL()+"/v2/"+repository+"/manifests/"+at, bytes.NewReader(manifest))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", mediaType)
	if a := ask(r.store, req); a.status != http.StatusCreated {
		return fmt.Errorf("%s: the registry answers %d", ref, a.status)
	}
	return nil
}
