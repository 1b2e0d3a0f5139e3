package signing

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	cosign "github.com/sigstore/cosign/v2/pkg/types"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/outcome"
)

// annotationSignature holds the signature over a simple signing payload; cosign leaves it empty beside an envelope.
const annotationSignature = "dev.cosignproject.cosign/signature"

// layer is one signature or attestation in a .sig or .att manifest.
type layer struct {
	content    []byte
	descriptor v1.Descriptor
}

// makeLayer signs the item in cosign's own form, once.
func (w *writer) makeLayer(ctx context.Context, it *item) error {
	if it.layer != nil {
		return nil
	}
	made := w.attestationLayer
	if it.isSignature() {
		made = w.signatureLayer
	}
	l, err := made(ctx, it)
	if err == nil {
		it.layer = &l
	}
	return err
}

func (w *writer) signatureLayer(ctx context.Context, _ *item) (layer, error) {
	payload, err := newSimpleSigning(w.subject)
	if err != nil {
		return layer{}, err
	}
	annotations, err := w.author.simple(ctx, payload)
	if err != nil {
		return layer{}, err
	}
	return newLayer(payload, cosign.SimpleSigningMediaType, annotations)
}

func (w *writer) attestationLayer(ctx context.Context, it *item) (layer, error) {
	content, annotations, err := w.author.envelope(ctx, it.payload)
	if err != nil {
		return layer{}, err
	}
	annotations[annotationSignature], annotations["predicateType"] = "", it.statement.PredicateType
	return newLayer(content, cosign.DssePayloadType, annotations)
}

func newLayer(content []byte, mediaType types.MediaType, annotations map[string]string) (layer, error) {
	digest, err := v1.NewHash(evidence.Digest(content))
	return layer{content, v1.Descriptor{MediaType: mediaType, Digest: digest, Size: int64(len(content)), Annotations: annotations}}, err
}

// appendTo adds layers to the manifest under the tag. It is read, changed and written without a lock: what takes long comes
// first, and a manifest that somebody else has changed meanwhile is read again. Whoever finds its layers missing afterwards
// adds them again.
func (w *writer) appendTo(ctx context.Context, tag name.Tag, layers []layer) error {
	if len(layers) == 0 {
		return nil
	}
	for _, l := range layers {
		if err := w.upload(ctx, l); err != nil {
			return err
		}
	}
	for range writeAttempts {
		m, before, err := w.tagged(ctx, tag)
		if err != nil {
			return err
		}
		for _, l := range layers {
			m.Layers = append(m.Layers, l.descriptor)
		}
		if len(m.Layers) > maxLayers {
			return outcome.New(outcome.TooLarge, "%s would hold %d layers, more than the %d that verifiers read", tag, len(m.Layers), maxLayers)
		}
		if done, err := w.replace(ctx, tag, m, before); done || err != nil {
			return err
		}
	}
	return nil // the layers are missing, and that is seen when they are read back
}

// replace writes the manifest unless another one than before is there by now.
func (w *writer) replace(ctx context.Context, tag name.Tag, m v1.Manifest, before v1.Hash) (done bool, err error) {
	config, err := configOf(m)
	if err != nil {
		return false, err
	}
	if err := w.upload(ctx, config); err != nil {
		return false, err
	}
	m.Config = config.descriptor
	raw, err := json.Marshal(m)
	if err != nil {
		return false, err
	}
	if _, now, err := w.tagged(ctx, tag); err != nil || now != before {
		return false, err
	}
	return true, refused(w.subject, remote.Put(tag, manifest{raw, m.MediaType}, w.registry.Options(ctx)...))
}

// tagged is the manifest under the tag, or an empty one.
func (w *writer) tagged(ctx context.Context, tag name.Tag) (v1.Manifest, v1.Hash, error) {
	m, at, err := newStore(w.registry, w.subject).manifest(ctx, tag)
	switch {
	case status(err) == http.StatusNotFound:
		return v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: v1.Descriptor{MediaType: types.OCIConfigJSON}}, v1.Hash{}, nil
	case ctx.Err() != nil:
		return m, at, ctx.Err()
	case err != nil:
		return m, at, outcome.New(outcome.ReferrersUnreadable, "%s: %s", tag, said(err))
	}
	if m.MediaType == "" {
		m.MediaType = types.OCIManifestSchema1
	}
	return m, at, nil
}

// configOf is the config that cosign writes for such layers: they are not compressed, so each is its own diff id.
func configOf(m v1.Manifest) (layer, error) {
	config := v1.ConfigFile{RootFS: v1.RootFS{Type: "layers"}}
	for _, l := range m.Layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.Digest)
		config.History = append(config.History, v1.History{})
	}
	raw, err := json.Marshal(config)
	if err != nil {
		return layer{}, err
	}
	return newLayer(raw, m.Config.MediaType, nil)
}

func (w *writer) upload(ctx context.Context, l layer) error {
	blob := static.NewLayer(l.content, l.descriptor.MediaType)
	return refused(w.subject, remote.WriteLayer(w.subject.Context(), blob, w.registry.Options(ctx)...))
}

// manifest is what remote.Put takes.
type manifest struct {
	raw       []byte
	mediaType types.MediaType
}

func (m manifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m manifest) MediaType() (types.MediaType, error) { return m.mediaType, nil }

// refused turns what a registry said to a write into the ending it means. 401, 403 and 405 mean that the login may not
// push.
func refused(subject name.Digest, err error) error {
	var known *outcome.Error
	var network net.Error
	if err == nil || errors.Is(err, context.Canceled) || errors.As(err, &known) {
		return err
	}
	reason := outcome.RegistryFailing
	switch code := status(err); {
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusMethodNotAllowed:
		return outcome.New(outcome.NoWritePermission, "%s: the registry answers %d to a write", subject.Context(), code)
	case code == http.StatusTooManyRequests:
		reason = outcome.RegistryBusy
	case errors.As(err, &network):
		reason = outcome.RegistryUnreachable
	}
	return outcome.New(reason, "%s: %s", subject.Context(), said(err))
}
