package signing

import (
	"slices"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
	"github.com/stepseal/stepseal/internal/trust"
)

// enough refuses what fewer signers said than are asked for.
func enough(d trust.Demand, r Requirement, said []statement) Requirement {
	if d.Threshold <= 1 || r.Result != Trusted {
		return r
	}
	r.Signers = voices(said)
	for _, s := range said {
		if !slices.Contains(r.Manifests, s.at.String()) {
			r.Manifests = append(r.Manifests, s.at.String())
		}
	}
	if n := distinct(said); !areEnough(n, d) {
		return r.refused(outcome.TooFewSigners, "%d of the %d signers that are needed signed it: %s", n, d.Threshold, strings.Join(r.Signers, ", "))
	}
	return r
}

// saying are the statements that say the same as this one.
func saying(all []statement, one statement) []statement {
	var same []statement
	for _, s := range all {
		if string(s.statement.Predicate) == string(one.statement.Predicate) {
			same = append(same, s)
		}
	}
	return same
}

// voices are those who signed, each once.
func voices(said []statement) []string {
	var list []string
	for _, s := range said {
		if isNewVoice(s.proof.who, list) {
			list = append(list, s.proof.who)
		}
	}
	return list
}

// distinct counts for how many signers of the trust the statements stand: nobody who signed counts for two of them, and
// two who are the same signer, such as two tags of one workflow, count once. That is a maximum matching.
func distinct(said []statement) int {
	may := map[string][]*Signer{}
	for _, s := range said {
		may[s.proof.who] = append(may[s.proof.who], s.proof.signers...)
	}
	taken := map[*Signer]string{}
	count := 0
	for _, who := range voices(said) {
		if place(who, may, taken, map[*Signer]bool{}) {
			count++
		}
	}
	return count
}

// place gives who a signer to stand for, and moves others for that if need be.
func place(who string, may map[string][]*Signer, taken map[*Signer]string, tried map[*Signer]bool) bool {
	for _, s := range may[who] {
		if tried[s] {
			continue
		}
		tried[s] = true
		if isFree(s, taken) || place(taken[s], may, taken, tried) {
			taken[s] = who
			return true
		}
	}
	return false
}
