package registrytest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Referrers says how the referrers API answers: any HTTP status, or properly.
// What was pushed while it was off is listed when it is switched on.
type Referrers int

// The two ordinary answers; Referrers(http.StatusMethodNotAllowed) and the like are the others.
const (
	ReferrersOn  Referrers = 0
	ReferrersOff Referrers = http.StatusNotFound // clients fall back to the tag scheme
)

// SetReferrers changes how the referrers API answers from now on.
func (r *Registry) SetReferrers(answer Referrers) {
	r.referred.mu.Lock()
	defer r.referred.mu.Unlock()
	r.referred.answer = answer
}

// referrers is the API as the specification wants it. That of go-containerregistry's registry knows no artifactType of
// a manifest, no filter and no OCI-Subject, and an unknown repository reads as "no API" there.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers
type referrers struct {
	mu     sync.Mutex
	answer Referrers
	to     map[subject][]v1.Descriptor
}

type subject struct{ repository, digest string }

func (r *referrers) over(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		repository, kind, target := parsePath(req.URL.Path)
		switch {
		case kind == "referrers":
			r.list(w, req, subject{repository, target})
		case kind == "manifests" && req.Method == http.MethodPut:
			r.put(w, req, next, repository)
		case kind == "manifests" && req.Method == http.MethodDelete:
			r.remove(repository, target)
			next.ServeHTTP(w, req)
		default:
			next.ServeHTTP(w, req)
		}
	})
}

// parsePath takes /v2/REPOSITORY/KIND/TARGET apart.
func parsePath(path string) (repository, kind, target string) {
	parts := strings.Split(strings.TrimPrefix(path, "/v2/"), "/")
	if len(parts) < 3 {
		return "", "", ""
	}
	n := len(parts)
	return strings.Join(parts[:n-2], "/"), parts[n-2], parts[n-1]
}

func (r *referrers) list(w http.ResponseWriter, req *http.Request, of subject) {
	r.mu.Lock()
	answer, listed := r.answer, slices.Clone(r.to[of])
	r.mu.Unlock()
	if answer != ReferrersOn {
		refuse(w, int(answer))
		return
	}
	if _, err := v1.NewHash(of.digest); err != nil {
		refuse(w, http.StatusBadRequest)
		return
	}
	if wanted := req.URL.Query().Get("artifactType"); wanted != "" {
		listed = slices.DeleteFunc(listed, func(d v1.Descriptor) bool { return d.ArtifactType != wanted })
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	w.Header().Set("Content-Type", string(types.OCIImageIndex))
	_ = json.NewEncoder(w).Encode(v1.IndexManifest{ // whoever stopped listening has its answer
		SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: append([]v1.Descriptor{}, listed...),
	})
}

func (r *referrers) put(w http.ResponseWriter, req *http.Request, next http.Handler, repository string) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		refuse(w, http.StatusBadRequest)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	a := ask(next, req)
	if a.status == http.StatusCreated {
		r.note(a.header, repository, req.Header.Get("Content-Type"), body)
	}
	a.send(w, a.body.Bytes())
}

func (r *referrers) note(header http.Header, repository, mediaType string, body []byte) {
	var manifest v1.Manifest // an index has the same fields where it matters here
	if err := json.Unmarshal(body, &manifest); err != nil || manifest.Subject == nil {
		return
	}
	digest, size, _ := v1.SHA256(bytes.NewReader(body)) // memory is always readable
	added := v1.Descriptor{
		MediaType: types.MediaType(mediaType), Digest: digest, Size: size,
		Annotations: manifest.Annotations, ArtifactType: manifest.ArtifactType,
	}
	if added.ArtifactType == "" {
		added.ArtifactType = string(manifest.Config.MediaType)
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answer == ReferrersOn {
		header.Set("OCI-Subject", manifest.Subject.Digest.String())
	}
	if r.to == nil {
		r.to = map[subject][]v1.Descriptor{}
	}
	of := subject{repository, manifest.Subject.Digest.String()}
	known := func(d v1.Descriptor) bool { return d.Digest == digest }
	if !slices.ContainsFunc(r.to[of], known) {
		r.to[of] = append(r.to[of], added)
	}
}

func (r *referrers) remove(repository, digest string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for of, listed := range r.to {
		if of.repository == repository {
			r.to[of] = slices.DeleteFunc(listed, func(d v1.Descriptor) bool { return d.Digest.String() == digest })
		}
	}
}
