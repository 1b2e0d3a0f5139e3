package trust

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stepseal/stepseal/internal/evidence"
	"github.com/stepseal/stepseal/internal/strictyaml"
)

// word takes a text that no reader of YAML takes for anything else.
func word[T any](to *T, parse func(string) (T, error)) strictyaml.Field {
	return strictyaml.Typed("!!str", "text", strictyaml.Parsed(to, parse))
}

// truth takes true or false.
func truth(to *bool) strictyaml.Field {
	return strictyaml.Typed("!!bool", "true or false", strictyaml.Parsed(to, strictyaml.Boolean))
}

var nameForm = regexp.MustCompile(`^[a-z0-9-]{1,64}$`)

func parseName(text string) (string, error) {
	if !nameForm.MatchString(text) {
		return "", fmt.Errorf("%.80q is no name: a-z, 0-9 and - make one, of up to 64 characters", text)
	}
	return text, nil
}

func oneOf(known ...string) func(string) (string, error) {
	return func(text string) (string, error) {
		if !slices.Contains(known, text) {
			return "", fmt.Errorf("%.40q is none of %s", text, strings.Join(known, ", "))
		}
		return text, nil
	}
}

func kind(text string) (Kind, error) {
	if !slices.Contains(Kinds, Kind(text)) {
		return "", fmt.Errorf("%.40q is no kind of evidence; there are %s", text, listed(Kinds))
	}
	return Kind(text), nil
}

// file takes the path of a file. A library that loads keys would follow a URL too.
func file(text string) (string, error) {
	if err := plain(text); err != nil {
		return "", err
	}
	if strings.Contains(text, "://") {
		return "", fmt.Errorf("%.80q is no path of a file; nothing is fetched from a URL", text)
	}
	if filepath.Clean(text) == "." || strings.HasSuffix(text, "/") {
		return "", fmt.Errorf("%.80q is a folder, and not a file", text)
	}
	return text, nil
}

// mirror takes the URL of a TUF repository.
func mirror(text string) (string, error) {
	if err := plain(text); err != nil {
		return "", err
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || strings.ContainsAny(text, "?#* ") {
		return "", errors.New("it is no address of a mirror such as https://HOST/PATH") // it may hold a password
	}
	return text, nil
}

// keyServices are the key management services whose keys can be named.
var keyServices = []string{"awskms://", "azurekms://", "gcpkms://", "hashivault://"}

func keyReference(text string) (string, error) {
	if err := plain(text); err != nil {
		return "", err
	}
	for _, service := range keyServices {
		if key, ok := strings.CutPrefix(text, service); ok && strings.Trim(key, "/") != "" && !strings.Contains(text, " ") {
			return text, nil
		}
	}
	return "", fmt.Errorf("%.80q names no key: it begins with %s, and the key's name follows", text, strings.Join(keyServices, ", "))
}

func digest(text string) (string, error) {
	if !evidence.IsDigest(text) {
		return "", fmt.Errorf("%.80q is no digest: sha256: and 64 lower-case hex digits are", text)
	}
	return text, nil
}

// identifier takes a URI that is compared as it is.
func identifier(text string) (string, error) {
	if err := plain(text); err != nil {
		return "", err
	}
	if strings.ContainsAny(text, "* ^$") {
		return "", fmt.Errorf("%.80q is compared as it is, and * ^ $ mean themselves", text)
	}
	if u, err := url.Parse(text); err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "" && u.Path == "" {
		return "", fmt.Errorf("%.80q is no URI such as https://HOST/NAME", text)
	}
	return text, nil
}

// age takes Go's durations, and d for days, as the inputs of steps do. Zero could mean that no age is allowed, or any.
func age(text string) (time.Duration, error) {
	length, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		length = time.Duration(n) * 24 * time.Hour
	}
	switch {
	case err != nil || length < 0:
		return 0, fmt.Errorf("%.40q is no duration such as 72h or 5d", text)
	case length == 0:
		return 0, errors.New("0 would allow nothing at all; leave it away to allow any age")
	}
	return length, nil
}

func threshold(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || n > maxSigners || text[0] == '0' {
		return 0, fmt.Errorf("%.40q is no number of signers; it is 1 to %d", text, maxSigners)
	}
	return int(n), nil
}

func listed[T ~string](words []T) string {
	var all []string
	for _, word := range words {
		all = append(all, string(word))
	}
	return strings.Join(all, ", ")
}

// among ends a sentence about a name that is not there.
func among(names []string) string {
	switch {
	case len(names) == 0:
		return "; there are none"
	case len(names) > 20:
		return fmt.Sprintf("; there are %s and %d more", listed(names[:20]), len(names)-20)
	}
	return "; there are " + listed(names)
}
