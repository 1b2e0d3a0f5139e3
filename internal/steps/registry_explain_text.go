package steps

import (
	"fmt"
	"strings"

	"github.com/stepseal/stepseal/internal/credentials"
)

// maxEntriesShown bounds what is shown of one file.
const maxEntriesShown = 20

func loginText(told credentials.Explanation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "logins for %s, in the order in which they are looked for:\n", plain(told.Repository))
	for _, s := range told.Sources {
		fmt.Fprintf(&b, "  %s: %s\n", sourceName(s.Name, s.Path), stateText(s))
		for i, e := range s.Entries {
			if i == maxEntriesShown {
				fmt.Fprintf(&b, "    and %d entries more\n", len(s.Entries)-i)
				break
			}
			fmt.Fprintf(&b, "    %s: %s\n", entryName(e.Place, e.Kind, e.Helper), resultText(e))
		}
	}
	fmt.Fprintf(&b, "%s\n", answerText(told))
	return b.String()
}

func sourceName(name, path string) string {
	if path == "" {
		return plain(name)
	}
	return plain(name) + " " + plain(path)
}

func stateText(s credentials.Source) string {
	switch s.State {
	case credentials.NotSet:
		return "not set"
	case credentials.Set:
		return "set, and used"
	case credentials.Missing:
		return "no such file"
	case credentials.OtherHost:
		return "not for this registry: " + plain(s.Why)
	case credentials.Unreadable:
		return "cannot be read: it " + plain(s.Why)
	case credentials.NotLookedAt:
		return "not looked at"
	}
	text := fmt.Sprintf("read, %d of %d entries are for this registry", len(s.Entries), s.Listed)
	if s.Strange > 0 {
		text += fmt.Sprintf("; %d that can name no registry are left out", s.Strange)
	}
	return text
}

func entryName(place string, kind credentials.Kind, helper string) string {
	if helper == "" {
		return fmt.Sprintf("%s (%s)", plain(place), kind)
	}
	return fmt.Sprintf("%s (%s: %s)", plain(place), kind, plain(helper))
}

func resultText(e credentials.Entry) string {
	switch e.Result {
	case credentials.Used:
		return "used"
	case credentials.NoLogin:
		return "holds no login"
	case credentials.Unusable:
		return "cannot be used: it " + plain(e.Why)
	case credentials.NotNeeded:
		return "not needed, the one above comes first"
	case credentials.NotAsked:
		return "would be asked"
	}
	return "is for other repositories"
}

func answerText(told credentials.Explanation) string {
	last := told.Sources[len(told.Sources)-1]
	for _, s := range told.Sources {
		if s.State != credentials.NotLookedAt {
			last = s
		}
	}
	found := told.Login
	switch {
	case found != nil && found.Form == "":
		return fmt.Sprintf("the login is what the credential helper docker-credential-%s says; it was not asked", plain(found.Helper))
	case found != nil:
		text := fmt.Sprintf("the login is a %s", found.Form)
		if found.User != "" {
			text += fmt.Sprintf(" of a user whose name begins with %s", found.User)
		}
		text += ", from " + sourceName(found.Source, found.Path)
		if found.Kind == credentials.Given {
			return text
		}
		return text + ", " + entryName(found.Entry, found.Kind, found.Helper)
	case unusable(last):
		return "it cannot be told which login would be used"
	}
	return "no login is found: the registry is asked without one"
}

func unusable(s credentials.Source) bool {
	if s.State == credentials.Unreadable {
		return true
	}
	for _, e := range s.Entries {
		if e.Result == credentials.Unusable {
			return true
		}
	}
	return false
}
