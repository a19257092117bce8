package diag

import (
	"encoding/json"
	"io"
)

type jsonSpan struct {
	File  string `json:"file,omitempty"`
	Line  int    `json:"line"`
	Col   int    `json:"col"`
	Start int    `json:"start"`
	End   int    `json:"end"`
}

type jsonLabel struct {
	Span jsonSpan `json:"span"`
	Text string   `json:"text"`
}

type jsonDiagnostic struct {
	Severity string      `json:"severity"`
	Code     string      `json:"code"`
	Message  string      `json:"message"`
	Span     jsonSpan    `json:"span"`
	Label    string      `json:"label,omitempty"`
	Related  []jsonLabel `json:"related,omitempty"`
	Help     []string    `json:"help,omitempty"`
	Fix      *jsonLabel  `json:"fix,omitempty"`
}

// JSON writes the mistakes in order of place as one JSON array: severity, code, message, span
// (file, 1-based line and col in bytes, byte offsets start and end), label, related, help, fix.
func JSON(w io.Writer, list List) error {
	out := make([]jsonDiagnostic, 0, len(list))
	for _, d := range list.Sorted() {
		j := jsonDiagnostic{Severity: d.Severity.String(), Code: d.Code, Message: d.Message, Span: jsonSpan(d.Span), Label: d.Label, Help: d.Help}
		for _, l := range d.Related {
			j.Related = append(j.Related, jsonLabel{jsonSpan(l.Span), l.Text})
		}
		if d.Fix != nil {
			j.Fix = &jsonLabel{jsonSpan(d.Fix.Span), d.Fix.Text}
		}
		out = append(out, j)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(out)
}
