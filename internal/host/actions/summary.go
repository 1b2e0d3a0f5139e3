package actions

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/stepseal/stepseal/internal/markdown"
	"github.com/stepseal/stepseal/internal/step"
)

// The runner drops a summary above a mebibyte as a whole; ours leaves room for what others write in the same step.
// https://github.com/actions/runner/blob/main/src/Runner.Worker/FileCommandManager.cs
const (
	maxSummary = 1 << 20
	ourSummary = 900 << 10
	noticeRoom = 1 << 10 // for saying that something is missing, and for closing what is open
	maxOpen    = 16      // tags of a kind, far more than a report nests
)

func (h *Host) writeSummary(result step.Result) error {
	file := h.getenv("GITHUB_STEP_SUMMARY")
	if file == "" {
		return nil
	}
	there := 0
	if info, err := os.Stat(file); err == nil {
		there = int(min(info.Size(), maxSummary))
	}
	room := min(ourSummary, maxSummary-1-there)
	text := result.Markdown()
	if len(text) > room {
		text = shortened(text, room, result)
	}
	if text == "" {
		h.Warn("the summary of this step is full: it is not written")
		return nil
	}
	return appendTo(file, "GITHUB_STEP_SUMMARY", text)
}

// shortened is as much of the summary as there is room for, up to the end of a line, with everything closed that is open
// and a word on what is missing.
func shortened(text string, room int, result step.Result) string {
	if room < 2*noticeRoom {
		return ""
	}
	kept := text[:room-noticeRoom]
	if end := strings.LastIndexByte(kept, '\n'); end >= 0 {
		kept = kept[:end+1]
	}
	kept = strings.ToValidUTF8(kept, "") // a line without an end may be cut inside a character
	var closing strings.Builder
	if strings.Count("\n"+kept, "\n```")%2 == 1 {
		closing.WriteString("```\n")
	}
	for _, tag := range []string{"table", "details"} {
		for range min(maxOpen, strings.Count(kept, "<"+tag)-strings.Count(kept, "</"+tag+">")) {
			closing.WriteString("</" + tag + ">\n")
		}
	}
	whole := cmp.Or(result.Output("scan"), result.Output("evidence"), "scan.json in the output directory")
	missing := fmt.Sprintf("This summary is cut, for GitHub takes no more: %d of its %d bytes are shown. Everything is in %s.", len(kept), len(text), cut(whole, maxTitle))
	// In front, where nothing that is open can hide it.
	return markdown.Note(missing) + kept + closing.String()
}
