package mirror

import (
	"net/netip"
	"net/url"
	"path"
	"strings"

	"github.com/stepseal/stepseal/internal/outcome"
)

// Address is where a latest.json is.
type Address struct{ latest url.URL }

// ParseAddress reads a web address: that of a latest.json, or of the folder above the one named by the schema, as the
// grype CLI takes it. What anybody on the way could change is refused: without a key, the checksum of the data comes
// from the same place as the data.
func ParseAddress(text string) (Address, error) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return Address{}, outcome.New(outcome.InvalidInput, "the database URL %.200q cannot be read", redacted(u, text)).Hint("use https")
	}
	if !safe(u) {
		return Address{}, outcome.New(outcome.InvalidInput, "the database URL %.200q is not https", u.Redacted()).Hint("use https")
	}
	if !strings.HasSuffix(u.Path, ".json") {
		u.Path = strings.TrimRight(u.Path, "/") + "/v6/" + LatestFile
		u.RawPath = ""
	}
	return Address{latest: *u}, nil
}

// redacted keeps a password out of a message, where there is an address to take it from.
func redacted(u *url.URL, text string) string {
	if u == nil {
		if _, after, found := strings.Cut(text, "@"); found {
			return "…@" + after
		}
		return text
	}
	return u.Redacted()
}

// safe refuses plain HTTP off this machine.
func safe(u *url.URL) bool {
	host := u.Hostname()
	ip, _ := netip.ParseAddr(host)
	return u.Scheme == "https" || u.Scheme == "http" && (host == "localhost" || ip.Unmap().IsLoopback())
}

// String is the address of latest.json, without a password.
func (a Address) String() string { return a.latest.Redacted() }

func (a Address) signature() *url.URL {
	u := a.latest
	u.Path += ".sig"
	u.RawPath = ""
	return &u
}

// archive is the address of a file beside latest.json.
func (a Address) archive(name string) *url.URL {
	u := a.latest
	u.Path = path.Join(path.Dir(u.Path), name)
	u.RawPath = ""
	return &u
}
