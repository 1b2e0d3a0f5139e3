package sigstore

import (
	"slices"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/registrytest"
	"github.com/stepseal/stepseal/test/sigstore/issuer"
	"github.com/stepseal/stepseal/test/sigstore/stack"
)

// A refusal is a ground to refuse.
type refusal string

const (
	unsigned      refusal = "an image that nobody signed"
	ofAnother     refusal = "what was signed of another image"
	otherSubject  refusal = "another subject"
	otherIssuer   refusal = "another issuer"
	otherFulcio   refusal = "another Fulcio"
	otherCTLog    refusal = "another certificate log"
	unlogged      refusal = "a certificate that is in no log"
	otherLog      refusal = "another Rekor"
	otherTime     refusal = "another timestamp authority"
	notLogged     refusal = "no log entry"
	notStamped    refusal = "no timestamp"
	expiredToken  refusal = "an expired token"
	otherAudience refusal = "a token for somebody else"
	unknownIssuer refusal = "a token of an issuer that Fulcio does not know"
	foreignKey    refusal = "a token under another key"
)

// Each tool signs, each other one accepts it, and refuses it as soon as one thing is not as it should be.
func TestEveryToolRefuses(t *testing.T) {
	for signing, signer := range tools {
		for _, how := range ways {
			t.Run(signing+" signs with "+how.String(), func(t *testing.T) {
				ref := pushed(t, registrytest.ReferrersOn)
				newUser(t).released(signer, ref, how).accepted(t)
				for verifying, verifier := range tools {
					if apart[pair{signing, verifying, how}] != "" {
						continue
					}
					verifier.verifies(newUser(t), ref, how, release()).accepted(t)
					for ground, changed := range untrusted(t, ref, how) {
						t.Run(verifying+" refuses "+string(ground), func(t *testing.T) {
							ended := verifier.verifies(newUser(t), changed.ref, changed.how, changed.trusting)
							ended.refused(t, verifier.grounds(ground, how))
						})
					}
				}
			})
		}
	}
}

// A question is what a verifier is asked.
type question struct {
	ref      string
	how      way
	trusting trust
}

// untrusted are the questions about what was signed in a way to which the answer is no, each for one reason.
func untrusted(t *testing.T, ref string, how way) map[refusal]question {
	ask := func(change func(*question)) question {
		q := question{ref, how, release()}
		change(&q)
		return q
	}
	list := map[refusal]question{
		unsigned:     ask(func(q *question) { q.ref = pushed(t, registrytest.ReferrersOn) }),
		ofAnother:    ask(func(q *question) { q.ref = transplanted(t, ref) }),
		otherSubject: ask(func(q *question) { q.trusting.subject = "https://github.com/" + workflow + "@refs/heads/other" }),
		otherIssuer:  ask(func(q *question) { q.trusting.issuer = running.Issuer.URL(stack.Stranger) }),
	}
	for part, ground := range map[stack.Part]refusal{
		stack.Fulcio:     otherFulcio,
		stack.CTLog:      otherCTLog,
		stack.RekorV1:    otherLog,
		stack.RekorV2:    otherLog,
		stack.Timestamps: otherTime,
	} {
		if slices.Contains(how.rests(), part) {
			list[ground] = ask(func(q *question) { q.trusting.sigstore = running.TrustInAnother(part) })
		}
	}
	if how.config == stack.WithTimestamps {
		list[notLogged] = ask(func(q *question) { q.how.config = stack.WithRekorV1 })
	}
	if how.config == stack.WithRekorV1 {
		list[notStamped] = ask(func(q *question) { q.how.config = stack.WithTimestamps })
	}
	return list
}

// Whoever has Fulcio's key certifies whom they like. That each certificate is in a log is demanded unless a verifier says not to.
func TestACertificateInNoLog(t *testing.T) {
	for signing, signer := range tools {
		u, ref, how := newUser(t), pushed(t, registrytest.ReferrersOn), way{stack.Unlogged, "bundle"}
		u.released(signer, ref, how).accepted(t)
		for verifying, verifier := range tools {
			t.Run(verifying+" and "+signing, func(t *testing.T) {
				trusting := release()
				verifier.verifies(newUser(t), ref, how, trusting).refused(t, verifier.grounds(unlogged, how))
				trusting.withoutCTLog = true
				verifier.verifies(newUser(t), ref, how, trusting).accepted(t)
			})
		}
	}
}

// Who has no good token gets no certificate, and nothing is signed.
func TestFulcioRefuses(t *testing.T) {
	stranger, err := issuer.New("http://127.0.0.1:5556")
	if err != nil {
		t.Fatal(err)
	}
	forged, err := stranger.Token(stack.GitHub, issuer.GitHub(workflow, ""))
	if err != nil {
		t.Fatal(err)
	}
	with := func(name string, value any) issuer.Claims {
		claims := issuer.GitHub(workflow, "")
		claims[name] = value
		return claims
	}
	for ground, given := range map[refusal]string{
		expiredToken:  token(t, stack.GitHub, with("exp", time.Now().Add(-time.Minute).Unix())),
		otherAudience: token(t, stack.GitHub, with("aud", "somebody-else")),
		unknownIssuer: token(t, stack.Unknown, issuer.GitHub(workflow, "")),
		foreignKey:    forged,
	} {
		for name, tool := range tools {
			t.Run(string(ground)+" "+name, func(t *testing.T) {
				u, ref, how := newUser(t), pushed(t, registrytest.ReferrersOn), way{stack.WithTimestamps, "bundle"}
				tool.secures(u, ref, how, u.file("token", given)).refused(t, tool.grounds(ground, how))
				tool.verifies(u, ref, how, release()).refused(t, tool.grounds(unsigned, how))
			})
		}
	}
}
