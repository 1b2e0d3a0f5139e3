package credentials

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// search goes through the sources for one target, and tells what it meets.
type search struct {
	ctx     context.Context
	target  place
	ask     bool // credential helpers
	timeout time.Duration

	login *authn.AuthConfig
	told  Explanation
}

func (s *search) through(sources []source) error {
	for i, from := range sources {
		told := Source{Name: from.name, Path: from.path}
		err := s.look(from, &told)
		s.told.Sources = append(s.told.Sources, told)
		if err != nil || s.told.Login != nil {
			for _, left := range sources[i+1:] {
				s.told.Sources = append(s.told.Sources, Source{Name: left.name, Path: left.path, State: NotLookedAt})
			}
			return err
		}
	}
	return nil
}

func (s *search) look(from source, told *Source) error {
	switch {
	case !from.set():
		told.State = NotSet
		return nil
	case from.login.given() && from.host != s.target.host:
		told.State, told.Why = OtherHost, otherHost(from.host)
		return nil
	case from.login.given():
		told.State = Set
		s.use(from.name, from.path, Entry{Place: from.host, Kind: Given}, from.authorization())
		return nil
	}
	doc, err := from.read()
	if errors.Is(err, errMissing) {
		told.State = Missing
		return nil
	}
	var c configuration
	if err == nil {
		c, err = parse(doc, from.flat)
	}
	if err != nil {
		told.State, told.Why = Unreadable, err.Error()
		return fmt.Errorf("%s: %w", from, err)
	}
	told.State, told.Listed, told.Strange = Read, len(c.entries), c.strange
	return s.among(c, from, told)
}

func otherHost(host string) string {
	if host == "" {
		return "they count for the registry of --image, which names none"
	}
	return "for " + host + " only"
}

// among looks for the most specific entry that holds a login.
func (s *search) among(c configuration, from source, told *Source) error {
	over, elsewhere := c.at(s.target)
	var failed error
	for _, e := range over {
		entry := Entry{Place: e.place.String(), Kind: e.kind, Helper: shown(e.helper)}
		if failed == nil && s.told.Login == nil {
			failed = s.try(e, from, &entry)
		} else {
			entry.Result = NotNeeded
		}
		told.Entries = append(told.Entries, entry)
	}
	for _, e := range elsewhere {
		told.Entries = append(told.Entries, Entry{Place: e.place.String(), Kind: e.kind, Helper: shown(e.helper), Result: Elsewhere})
	}
	return failed
}

// try takes the login of one entry, if it has one.
func (s *search) try(e entry, from source, told *Entry) error {
	var login *authn.AuthConfig
	var err error
	switch {
	case e.kind == Auths:
		login, err = e.decode()
	case !s.ask:
		told.Result = NotAsked
		s.told.Login = &Found{Source: from.name, Path: from.path, Entry: told.Place, Kind: e.kind, Helper: shown(e.helper)}
		return nil
	default:
		login, err = ask(s.ctx, e.helper, s.target.host, s.timeout)
	}
	switch {
	case err != nil && e.kind == Auths:
		told.Result, told.Why = Unusable, err.Error()
		return fmt.Errorf("%s: the entry for %s %w", from, e.place, err)
	case err != nil:
		told.Result, told.Why = Unusable, err.Error()
		return fmt.Errorf("%s: the credential helper %s %w", from, program(e.helper), err)
	case login == nil:
		told.Result = NoLogin
		return nil
	}
	told.Result = Used
	s.use(from.name, from.path, *told, login)
	return nil
}

// use ends the search with a login.
func (s *search) use(name, path string, e Entry, login *authn.AuthConfig) {
	s.login = login
	s.told.Login = &Found{Source: name, Path: path, Entry: e.Place, Kind: e.Kind, Helper: e.Helper, Form: formOf(login), User: initial(login.Username)}
}

// String names the source in an error.
func (s source) String() string {
	if s.path == "" {
		return s.what + " " + s.name
	}
	return s.what + " " + s.path
}
