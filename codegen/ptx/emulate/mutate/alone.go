package mutate

import (
	"strings"

	"dlc/codegen/ptx/emulate"
)

// parseEntry reads a text for the sake of one entry: the others are left out where that is possible, as it is
// when the text without a mistake can be read so.
func parseEntry(text, entry string, possible bool) (*emulate.Module, error) {
	if possible {
		text = alone(text, entry)
	}
	return emulate.Parse(text)
}

// separable lists the entries that can be read without the others.
func separable(text string, trials []Trial) map[string]bool {
	out := map[string]bool{}
	for _, t := range trials {
		if _, known := out[t.Entry]; !known {
			m, err := emulate.Parse(alone(text, t.Entry))
			if err == nil {
				_, err = m.Entry(t.Entry)
			}
			out[t.Entry] = err == nil
		}
	}
	return out
}

// alone is a text with empty lines in place of all entries but one.
func alone(text, entry string) string {
	const word = ".entry "
	var b strings.Builder
	at := next(text, 0)
	b.WriteString(text[:at])
	for at < len(text) {
		body := at + strings.Index(text[at:], word) + len(word)
		end := next(text, body)
		if name := text[body:end]; strings.HasPrefix(name, entry) && strings.IndexAny(name, "( \t\n") == len(entry) {
			b.WriteString(text[at:end])
		} else {
			b.WriteString(strings.Repeat("\n", strings.Count(text[at:end], "\n")))
		}
		at = end
	}
	return b.String()
}

// next finds the line of the next entry, or the end.
func next(text string, from int) int {
	at := strings.Index(text[from:], ".entry ")
	if at < 0 {
		return len(text)
	}
	return strings.LastIndexByte(text[:from+at], '\n') + 1
}
