package identity

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// claims are the members of a token's header or payload, under their exact names.
type claims map[string]json.RawMessage

func object(part string, content []byte) (claims, error) {
	if err := strictjson.Check(content, claimBounds); err != nil {
		return nil, &flaw{fmt.Sprintf("has a %s that cannot be read: %s", part, err), hintForm}
	}
	var c claims
	if err := json.Unmarshal(content, &c); err != nil || c == nil {
		return nil, &flaw{fmt.Sprintf("has a %s that is no JSON object", part), hintForm}
	}
	return c, nil
}

func (c claims) token() (Token, error) {
	issuer, err := c.text("iss")
	if err != nil {
		return Token{}, err
	}
	subject, err := c.text("sub")
	if err != nil {
		return Token{}, err
	}
	audience, err := c.audience()
	if err != nil {
		return Token{}, err
	}
	expiry, err := c.time("exp")
	if err == nil && expiry.IsZero() {
		err = &flaw{"has no exp", hintIssuer}
	}
	return Token{Issuer: issuer, Subject: subject, Audience: audience, Expiry: expiry}, err
}

// text is a claim that must be there. It will stand in logs, so it is printable.
func (c claims) text(name string) (string, error) {
	raw, ok := c[name]
	if !ok {
		return "", &flaw{"has no " + name, hintIssuer}
	}
	var text *string
	switch err := json.Unmarshal(raw, &text); {
	case err != nil || text == nil:
		return "", &flaw{"has a claim " + name + " that is not a text", hintIssuer}
	case !fit(*text):
		return "", &flaw{"has a claim " + name + " that is not a short printable text", hintIssuer}
	}
	return *text, nil
}

func fit(text string) bool {
	return text != "" && len(text) <= maxClaim && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// audience is one text or a list of them.
func (c claims) audience() ([]string, error) {
	raw, ok := c["aud"]
	if !ok {
		return nil, &flaw{"has no aud", hintIssuer}
	}
	if !bytes.HasPrefix(raw, []byte{'['}) {
		one, err := c.text("aud")
		return []string{one}, err
	}
	var list []*string
	if err := json.Unmarshal(raw, &list); err != nil || len(list) == 0 {
		return nil, &flaw{"has a claim aud that is no list of texts", hintIssuer}
	}
	var audience []string
	for _, one := range list {
		if one == nil || !fit(*one) {
			return nil, &flaw{"has a claim aud that is no list of short printable texts", hintIssuer}
		}
		audience = append(audience, *one)
	}
	return audience, nil
}

// time is a claim in seconds since 1970, with a fraction or without one; zero where there is none.
// https://datatracker.ietf.org/doc/html/rfc7519#section-2
func (c claims) time(name string) (time.Time, error) {
	raw, ok := c[name]
	if !ok {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || seconds < 0 || seconds > maxTime {
		return time.Time{}, &flaw{"has a claim " + name + " that is not a time in seconds", hintIssuer}
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

func told(at time.Time) string { return at.UTC().Format(time.RFC3339) }
