package signing

import "github.com/stepseal/stepseal/internal/trust"

// describes compares the digest inside an SBOM that names one: it need not be the subject of its statement.
// Attack 7.
func (j *judge) describes(subject string) bool { return subject == j.digest }

// mayBeUnbound says whether an SBOM is enough that does not say which image it describes.
// Attack 7.
func mayBeUnbound(d trust.Demand) bool { return !d.Binding }
