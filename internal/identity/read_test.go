package identity_test

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stepseal/stepseal/internal/identity"
	"github.com/stepseal/stepseal/internal/outcome"
)

func given(raw string) identity.Options { return identity.Options{Given: []byte(raw)} }

// edited is a token with one claim set, or taken out by nil.
func edited(name string, value any) string {
	return jwt("someone", func(c map[string]any) {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	})
}

func TestAnyTokenThatFulcioTakesIsTaken(t *testing.T) {
	claims := `{"iss":"https://i","sub":"s","aud":"sigstore","exp":1795784400}`
	for name, raw := range map[string]string{
		"one audience":             edited("aud", "sigstore"),
		"a list of audiences":      edited("aud", []string{"other", "sigstore"}),
		"no nbf":                   edited("nbf", nil),
		"an nbf of zero":           edited("nbf", 0),
		"no iat":                   edited("iat", nil),
		"a time with a fraction":   edited("exp", float64(now.Unix())+1.5),
		"a clock that is behind":   edited("nbf", now.Add(5*time.Minute).Unix()),
		"a verified e-mail":        jwt("x", func(c map[string]any) { c["email"] = "a@example.com"; c["email_verified"] = true }),
		"an e-mail that is empty":  edited("email", ""),
		"one verified by a text":   jwt("x", func(c map[string]any) { c["email"] = "a@example.com"; c["email_verified"] = "true" }),
		"claims that are unknown":  edited("groups", []string{"a", "b"}),
		"white space around it":    " \t" + edited("jti", "1") + "\r\n",
		"a subject in other signs": edited("sub", "prüfer@例え"),
		"ES256":                    compact(`{"alg":"ES256"}`, claims),
		"EdDSA":                    compact(`{"kid":"1","alg":"EdDSA","typ":"JWT"}`, claims),
		"PS512":                    compact(`{"alg":"PS512"}`, claims),
	} {
		t.Run(name, func(t *testing.T) {
			token, err := find(t, given(raw))
			if err != nil || !slices.Contains(token.Audience, "sigstore") || !token.Expiry.After(now) || token.Issuer == "" || token.Subject == "" {
				t.Errorf("got %+v, %v", token, err)
			}
			if token.Reveal() != strings.TrimSpace(raw) {
				t.Error("it reveals something else than what was handed over")
			}
		})
	}
}

func TestEveryFlawIsTold(t *testing.T) {
	const header, claims = `{"alg":"RS256"}`, `{"iss":"https://i","sub":"s","aud":"sigstore","exp":1795784400}`
	good := compact(header, claims)
	if _, err := find(t, given(good)); err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	for name, test := range map[string]struct{ raw, want string }{
		"nothing":                     {"", "is empty"},
		"white space":                 {" \n", "is empty"},
		"a path":                      {"/var/run/token", "has 1 parts and not three"},
		"two parts":                   {"a.b", "has 2 parts and not three"},
		"four parts":                  {"a.b.c.d", "has 4 parts and not three"},
		"an encrypted token":          {"a.b.c.d.e", "is encrypted"},
		"too much":                    {strings.Repeat("a", 33<<10), "is larger than 32 KiB"},
		"no signature":                {good[:strings.LastIndex(good, ".")+1], "has a signature that is empty"},
		"no header":                   {good[strings.Index(good, "."):], "has a header that is empty"},
		"padding":                     {encode([]byte(header)) + "." + base64.URLEncoding.EncodeToString([]byte(claims+"  ")) + ".YQ", "has a payload that is not base64url"},
		"the other alphabet":          {encode([]byte(header)) + "." + encode([]byte(claims)) + ".a+b/", "has a signature that is not base64url"},
		"bits behind the end":         {encode([]byte(header)) + "." + encode([]byte(claims)) + ".YR", "has a signature that is not base64url"},
		"a line break":                {good[:20] + "\n" + good[20:], "has a header that has a line break"},
		"quotes":                      {`"` + good + `"`, "has a header that is not base64url"},
		"Bearer before it":            {"Bearer " + good, "has a header that is not base64url"},
		"a header that is no JSON":    {compact("hello", claims), "has a header that cannot be read: not JSON"},
		"a header that is null":       {compact("null", claims), "has a header that is no JSON object"},
		"a header that is a list":     {compact("[]", claims), "has a header that is no JSON object"},
		"two algorithms":              {compact(`{"alg":"RS256","alg":"none"}`, claims), `key "ALG" stands twice`},
		"no algorithm":                {compact(`{}`, claims), "has no alg"},
		"an algorithm that is none":   {compact(`{"alg":"nOnE"}`, claims), "is not signed"},
		"a shared secret":             {compact(`{"alg":"HS256"}`, claims), `is signed with "HS256", which Fulcio does not take`},
		"an algorithm in lower case":  {compact(`{"alg":"rs256"}`, claims), "which Fulcio does not take"},
		"an algorithm that is a list": {compact(`{"alg":["RS256"]}`, claims), "has a claim alg that is not a text"},
		"claims that are no JSON":     {compact(header, "hello"), "has a payload that cannot be read: not JSON"},
		"claims cut short":            {compact(header, claims[:20]), "it ends too early"},
		"claims twice over":           {compact(header, claims+claims), "more than one JSON value"},
		"claims that are a text":      {compact(header, `"x"`), "has a payload that is no JSON object"},
		"two subjects":                {compact(header, strings.Replace(claims, `"sub"`, `"sub":"t","sub"`, 1)), `key "SUB" stands twice`},
		"two in two spellings":        {compact(header, strings.Replace(claims, `"sub"`, `"Sub":"t","sub"`, 1)), `key "SUB" stands twice`},
		"a subject in other spelling": {compact(header, strings.Replace(claims, `"sub"`, `"Sub"`, 1)), "has no sub"},
		"a deep one":                  {compact(header, `{"a":`+strings.Repeat("[", 50)+strings.Repeat("]", 50)+`}`), "nested deeper than 16"},
		"no issuer":                   {edited("iss", nil), "has no iss"},
		"no subject":                  {edited("sub", nil), "has no sub"},
		"no audience":                 {edited("aud", nil), "has no aud"},
		"no end":                      {edited("exp", nil), "has no exp"},
		"a subject that is null":      {compact(header, strings.Replace(claims, `"s"`, `null`, 1)), "has a claim sub that is not a text"},
		"an empty subject":            {edited("sub", ""), "has a claim sub that is not a short printable text"},
		"a subject over lines":        {edited("sub", "a\n::error::b"), "has a claim sub that is not a short printable text"},
		"a subject that turns around": {edited("sub", "a\u202eb"), "has a claim sub that is not a short printable text"},
		"a long subject":              {edited("sub", strings.Repeat("a", 3000)), "has a claim sub that is not a short printable text"},
		"an issuer that is a number":  {edited("iss", 1), "has a claim iss that is not a text"},
		"an empty list of audiences":  {edited("aud", []string{}), "has a claim aud that is no list of texts"},
		"a null among audiences":      {edited("aud", []any{"sigstore", nil}), "has a claim aud that is no list of short printable texts"},
		"a number as audience":        {edited("aud", 1), "has a claim aud that is not a text"},
		"another audience":            {edited("aud", "vault"), `is for the audience "vault", and "sigstore" is needed`},
		"other audiences":             {edited("aud", []string{"a", "b"}), `is for the audience "a, b", and "sigstore" is needed`},
		"an audience with more to it": {edited("aud", "sigstore2"), "is for the audience"},
		"an end that is a text":       {edited("exp", "1795784400"), "has a claim exp that is not a time in seconds"},
		"an end before 1970":          {edited("exp", -1), "has a claim exp that is not a time in seconds"},
		"an end after all years":      {edited("exp", 1e18), "has a claim exp that is not a time in seconds"},
		"an end beyond numbers":       {compact(header, strings.Replace(claims, "1795784400", "1e999", 1)), "has a claim exp that is not a time in seconds"},
		"an end that is now":          {edited("exp", now.Unix()), "expired at 2026-11-27T12:00:00Z, and it is 2026-11-27T12:00:00Z"},
		"a start to come":             {edited("nbf", now.Add(6*time.Minute).Unix()), "is valid from 2026-11-27T12:06:00Z, and it is 2026-11-27T12:00:00Z"},
		"a start that is a list":      {edited("nbf", []int{1}), "has a claim nbf that is not a time in seconds"},
		"an e-mail that is not known": {edited("email", "a@example.com"), "that its issuer has not verified"},
		"an e-mail that is not true":  {jwt("x", func(c map[string]any) { c["email"] = "a@example.com"; c["email_verified"] = false }), "that its issuer has not verified"},
		"an e-mail that is a list":    {edited("email", []string{"a"}), "has a claim email that is not a text"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := find(t, given(test.raw))
			if err == nil || err.Reason != outcome.IdentityTokenUnusable || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if !strings.HasPrefix(err.Error(), "the identity token of the input identity-token ") {
				t.Errorf("it does not say which token: %v", err)
			}
		})
	}
}
