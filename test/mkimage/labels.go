package main

// labels are what the image says of itself, in every platform's config and on the index.
type labels struct {
	version  string
	revision string
}

// all are the labels by the names that OCI gives them.
// https://github.com/opencontainers/image-spec/blob/main/annotations.md#pre-defined-annotation-keys
func (l labels) all() map[string]string {
	return map[string]string{
		"org.opencontainers.image.source":   "https://github.com/stepseal/stepseal",
		"org.opencontainers.image.licenses": "Apache-2.0",
		"org.opencontainers.image.version":  l.version,
		"org.opencontainers.image.revision": l.revision,
	}
}
