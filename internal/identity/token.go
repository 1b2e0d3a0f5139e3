package identity

import (
	"fmt"
	"time"
)

// Token is an identity token whose claims have been read and not verified. However it is printed, it shows claims only.
type Token struct {
	Issuer   string
	Subject  string
	Audience []string
	Expiry   time.Time
	Source   Source
	Where    string // the source, for people

	reveal func() string // the token lives in here, where no printing reaches it
}

// Reveal gives the token, without white space around it, to whoever has to send it or to have it masked in logs.
func (t Token) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// Format keeps the token out of every verb.
func (t Token) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "identity token of %s: %s by %s", t.Where, t.Subject, t.Issuer)
}
