package admission

import (
	"fmt"

	"github.com/stepseal/stepseal/internal/trust"
)

// commonNotes hold for every engine that looks at images by their names.
func commonNotes() []string {
	return []string{
		"An image that none of the names fits is let in unseen, as is one named in another way (capitals in the registry, its port): the policy of the kind validating-admission-policy refuses those.",
		"Of an image for several platforms the statements about the index are looked at; that every platform has its own is not.",
		"What was verified may be remembered for an hour, so that a revocation comes late.",
		"Images that are mounted as volumes are not looked at.",
	}
}

// keyNotes: nobody asks the key management system here which kind its keys are of.
func keyNotes(requirements []requirement) (notes []string) {
	done := map[string]bool{}
	for _, r := range requirements {
		for _, s := range r.signers {
			if s.authority.Source == trust.KMS && !done[s.authority.Name] {
				done[s.authority.Name] = true
				notes = append(notes, fmt.Sprintf("Of the key %s signatures over SHA-256 are taken: the engine must be told of another hash, as P-384 has, and must be let into the key management system.", s.authority.Name))
			}
		}
	}
	return notes
}

// newestNotes: where an engine takes one instance of each sort.
func (q request) newestNotes() (notes []string, err error) {
	done := map[string]bool{}
	for _, r := range q.requirements {
		for _, s := range r.signers {
			if s.authority.Source != trust.TrustedRoot || done[s.authority.Name] {
				continue
			}
			done[s.authority.Name] = true
			root, err := rootOf(s.authority, q.material)
			if err != nil {
				return nil, err
			}
			if len(root.logs) > 1 || len(root.ctLogs) > 1 || len(root.timestamps) > 1 {
				notes = append(notes, fmt.Sprintf("Of several logs and timestamp authorities in the root of %s the newest of each sort counts alone (of Rekor, of version 1): what was signed with an older one is refused.", s.authority.Name))
			}
		}
	}
	return notes, nil
}
