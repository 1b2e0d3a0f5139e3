package signing

import "fmt"

// Format says how signatures and attestations are stored.
type Format string

// The formats. Bundle is a Sigstore bundle attached as an OCI referrer; Legacy is cosign's .sig and .att tags.
const (
	Bundle Format = "bundle"
	Legacy Format = "legacy"
	Both   Format = "both"
)

// ParseFormat reads a format as users write it.
func ParseFormat(text string) (Format, error) {
	switch f := Format(text); f {
	case Bundle, Legacy, Both:
		return f, nil
	}
	return "", fmt.Errorf("%.40q is none of bundle, legacy and both", text)
}

func (f Format) bundle() bool { return f == Bundle || f == Both }
func (f Format) legacy() bool { return f == Legacy || f == Both }
