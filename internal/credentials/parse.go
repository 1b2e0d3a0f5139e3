package credentials

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/stepseal/stepseal/internal/strictjson"
)

// bounds are far beyond any file of logins.
var bounds = strictjson.Bounds{Bytes: maxFile, Depth: 16, Values: 1 << 16, FoldKeys: true}

// configuration is a file of logins, understood. Logins in it are decoded when they are wanted: a broken entry for
// another registry is nobody's concern.
type configuration struct {
	entries []entry
	store   string // the credential helper for every registry
	strange int    // keys that name no registry
}

// entry is one key of the file.
type entry struct {
	place   place
	written string // the key; it may hold anything and is never printed
	kind    Kind
	helper  string
	login   json.RawMessage
}

// parse reads config.json, auth.json and .dockerconfigjson, which are one format, and with flat .dockercfg, which is the
// value of auths alone. Errors never repeat what is in the file.
func parse(doc []byte, flat bool) (configuration, error) {
	var c configuration
	if len(bytes.TrimSpace(doc)) == 0 {
		return c, nil // as docker takes it
	}
	if err := strictjson.Check(doc, bounds); err != nil {
		return c, wrongJSON(doc, err)
	}
	top := struct {
		Auths       json.RawMessage `json:"auths"`
		CredHelpers json.RawMessage `json:"credHelpers"`
		CredsStore  json.RawMessage `json:"credsStore"`
	}{}
	if flat {
		top.Auths = doc
	} else if json.Unmarshal(doc, &top) != nil {
		return c, errors.New("is not a JSON object")
	}
	if top.CredsStore != nil && json.Unmarshal(top.CredsStore, &c.store) != nil {
		return c, errors.New("credsStore is not text")
	}
	if err := c.addHelpers(top.CredHelpers); err != nil {
		return c, err
	}
	return c, c.addAuths(top.Auths)
}

func (c *configuration) addHelpers(raw json.RawMessage) error {
	var helpers map[string]string
	if raw != nil && json.Unmarshal(raw, &helpers) != nil {
		return errors.New("credHelpers is not an object of text")
	}
	for key, helper := range helpers {
		c.add(key, entry{kind: Helper, helper: helper})
	}
	return nil
}

func (c *configuration) addAuths(raw json.RawMessage) error {
	var auths map[string]json.RawMessage
	if raw != nil && json.Unmarshal(raw, &auths) != nil {
		return errors.New("auths is not an object")
	}
	for key, login := range auths {
		c.add(key, entry{kind: Auths, login: login})
	}
	return nil
}

func (c *configuration) add(key string, e entry) {
	at, ok := parsePlace(key)
	if !ok || e.kind == Helper && at.path != "" { // helpers are for whole registries
		c.strange++
		return
	}
	e.place, e.written = at, key
	c.entries = append(c.entries, e)
}

// at are the entries for a registry: first those that the repository lies at or below, the most specific first, then
// the others. The helper for every registry comes behind the entries that name this one.
func (c *configuration) at(target place) (over, elsewhere []entry) {
	all, optedOut := slices.Clone(c.entries), false
	slices.SortFunc(all, preferred)
	for _, e := range all {
		switch {
		case e.kind == Helper && e.helper == "":
			optedOut = optedOut || e.place.host == target.host
		case e.place.over(target):
			over = append(over, e)
		case e.place.host == target.host:
			elsewhere = append(elsewhere, e)
		}
	}
	if c.store != "" && !optedOut {
		over = append(over, entry{place: place{host: target.host}, kind: Store, helper: c.store})
	}
	return over, elsewhere
}

// preferred orders entries: the longer path, a helper before what is written down, and of keys that mean the same the
// one that docker login writes, then the plain one.
func preferred(a, b entry) int {
	return cmp.Or(
		-cmp.Compare(len(a.place.path), len(b.place.path)),
		-cmp.Compare(a.kind, b.kind),
		cmp.Compare(a.spelling(), b.spelling()),
		strings.Compare(a.written, b.written),
	)
}

func (e entry) spelling() int {
	switch e.written {
	case authn.DefaultAuthKey:
		return 0
	case e.place.String():
		return 1
	}
	return 2
}

// decode is the login that is written down; nil where the entry is there and holds none, as docker login leaves it when
// a credential helper has it.
func (e entry) decode() (*authn.AuthConfig, error) {
	var fields struct {
		Auth          string `json:"auth"`
		Username      string `json:"username"`
		Password      string `json:"password"`
		IdentityToken string `json:"identitytoken"`
		RegistryToken string `json:"registrytoken"`
	}
	if json.Unmarshal(e.login, &fields) != nil {
		return nil, errors.New("is not an object of text")
	}
	login := authn.AuthConfig{Username: fields.Username, Password: fields.Password, IdentityToken: fields.IdentityToken, RegistryToken: fields.RegistryToken}
	if fields.Auth != "" {
		var err error
		if login.Username, login.Password, err = decodeAuth(fields.Auth); err != nil {
			return nil, err
		}
	}
	if login == (authn.AuthConfig{}) {
		return nil, nil
	}
	return &login, sendable(login)
}

// decodeAuth reads base64 of user:password, with or without padding.
func decodeAuth(text string) (username, password string, err error) {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
	if err != nil {
		return "", "", errors.New("its auth is not base64")
	}
	username, password, found := strings.Cut(string(raw), ":")
	if !found {
		return "", "", errors.New("its auth is not base64 of user:password")
	}
	return username, strings.Trim(password, "\x00"), nil // docker once padded with NUL
}

// sendable refuses what no header can carry, before a library complains about it in words of its own.
func sendable(login authn.AuthConfig) error {
	for _, text := range []string{login.Username, login.Password, login.IdentityToken, login.RegistryToken} {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return errors.New("holds a control character, a line break perhaps")
		}
	}
	if strings.Contains(login.Username, ":") {
		return errors.New("has a colon in the user name")
	}
	return nil
}

var atByte = regexp.MustCompile(` \(at byte [0-9]+\)$`)

// wrongJSON says what is wrong and where, without the words of the document that strictjson would repeat.
func wrongJSON(doc []byte, err error) error {
	at := atByte.FindString(err.Error())
	switch {
	case len(doc) > maxFile:
		return tooLarge()
	case !json.Valid(doc):
		return fmt.Errorf("is not JSON%s", at)
	}
	return fmt.Errorf("has the same key twice, or is nested too deep%s", at)
}
