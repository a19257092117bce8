package dlc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"dlc/codegen/llvm"
	"dlc/ir/tensor"
	"dlc/lang/diag"
	"dlc/passes"
)

// A Bug is a broken invariant of the compiler: a mistake of dlc, not of its user.
type Bug struct {
	Phase string // with the pass, where one ran
	Cause any
	Stack []byte
	Saved string // the file that tells of it; "" where nothing could be written

	replays bool // the file reproduces it
	again   bool // it comes from such a file
}

// Error names phase and cause in one line.
func (b *Bug) Error() string {
	where := "nothing could be saved"
	switch {
	case b.Saved != "" && b.replays:
		where = "saved in " + b.Saved + "; dlc repro replays it"
	case b.Saved != "":
		where = "saved in " + b.Saved
	case b.again:
		where = "as saved"
	}
	return fmt.Sprintf("dlc has a bug, in %s: %s (%s)", b.Phase, b.cause(), where)
}

// cause is the first line of what went wrong.
func (b *Bug) cause() string {
	line, _, _ := strings.Cut(fmt.Sprint(b.Cause), "\n")
	return strings.TrimPrefix(line, "BUG: ")
}

// guard turns a panic into a Bug, with source and newest text saved beside the source. It is the
// one place that recovers: goroutines of the compiler hand their panics to who waits for them.
func (j *job) guard(err *error) {
	cause := recover()
	if cause == nil {
		return
	}
	if e, ok := cause.(runtime.Error); ok {
		cause = e.Error()
	}
	*err = j.bug(cause, debug.Stack())
}

// Guard runs a host's work around the compiler and turns its panic into a Bug like the compiler's own.
func Guard(work string, f func() error) (err error) {
	j := &job{phase: work}
	defer j.guard(&err)
	return f()
}

// blame decides whose mistake an error of the middle or the back is. A diagnostic is the user's, a
// missing libLLVM the machine's; all else should not have happened.
func (j *job) blame(err error) error {
	var list diag.List
	var one *diag.Diagnostic
	var bug *Bug
	switch {
	case err == nil, errors.As(err, &bug), errors.As(err, &list), errors.Is(err, llvm.ErrMissing):
		return err
	case errors.As(err, &one):
		return diag.List{one}
	}
	return j.bug(err, debug.Stack())
}

// bug describes what went wrong and saves it.
func (j *job) bug(cause any, stack []byte) *Bug {
	b := &Bug{Phase: j.phase, Cause: cause, Stack: stack, replays: j.src != nil, again: j.opts.replayed}
	if j.pass != "" {
		b.Phase += ", pass " + j.pass
	}
	if !j.opts.replayed {
		b.Saved = j.save(b)
	}
	return b
}

// A reproduction is what a saved bug says to the program that replays it.
type reproduction struct {
	Path    string           `json:"path"`
	Bytes   int              `json:"bytes"` // of the source, which ends the file
	Call    string           `json:"call"`  // check, compile, plan or kernels
	Columns map[string]saved `json:"columns,omitempty"`
	Targets []string         `json:"targets,omitempty"`
	Entries []string         `json:"entries,omitempty"`
	Check   bool             `json:"check,omitempty"`
	Batch   int              `json:"batch,omitempty"`
	Epochs  int              `json:"epochs,omitempty"`
	Records int              `json:"records,omitempty"`
}

// A saved type is a column's, per record.
type saved struct {
	DType tensor.DType `json:"dtype"`
	Dims  []int        `json:"dims"`
}

// optionsLine stands before the reproduction in a saved bug.
const optionsLine = "\n-- options --\n"

// save writes the bug beside the source, else to the folder for temporary files, and returns where.
func (j *job) save(b *Bug) string {
	var text bytes.Buffer
	fmt.Fprintf(&text, "dlc %s, %s: %v\n", Version, b.Phase, b.Cause)
	dirs, name := []string{os.TempDir()}, "dlc"
	if b.replays {
		dirs = append([]string{filepath.Dir(j.src.Path)}, dirs...)
		name = strings.TrimSuffix(filepath.Base(j.src.Path), filepath.Ext(j.src.Path))
		fmt.Fprintf(&text, "\nThis file replays with: dlc repro FILE\nIt holds the source, and nothing of data or weights.\n%s%s\n", optionsLine, j.reproduction())
	}
	fmt.Fprintf(&text, "\n-- stack --\n%s\n", b.Stack)
	if j.newest != nil {
		fmt.Fprintf(&text, "-- newest text --\n%s\n", j.newestText())
	}
	if b.replays {
		fmt.Fprintf(&text, "-- source --\n%s", j.src.Text)
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, name+".bug.txt")
		if os.WriteFile(path, text.Bytes(), 0o644) == nil {
			return path
		}
	}
	return ""
}

// reproduction is the line that replay reads.
func (j *job) reproduction() []byte {
	o := j.opts
	r := reproduction{Path: filepath.Base(j.src.Path), Bytes: len(j.src.Text), Call: j.call, Targets: o.Targets, Entries: o.Entries,
		Check: o.Check, Batch: o.Batch, Epochs: o.Epochs, Records: o.Records}
	if o.Columns != nil {
		r.Columns = map[string]saved{}
	}
	for name, t := range o.Columns {
		dims, _ := t.Shape.Bind(nil)
		r.Columns[name] = saved{t.DType, dims}
	}
	line, err := json.Marshal(r)
	if err != nil {
		panic("BUG: options have no JSON: " + err.Error())
	}
	return line
}

// newestText prints the newest intermediate representation; what is broken may not print.
func (j *job) newestText() (text string) {
	defer func() {
		if cause := recover(); cause != nil {
			text = fmt.Sprintf("it does not print: %v", cause)
		}
	}()
	return j.newest()
}

// Replay compiles what a saved bug holds, with the same options. The error is the Bug where it
// still happens and a diag.List where the source has mistakes by now; nil means it is mended.
func Replay(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	_, rest, ok := bytes.Cut(text, []byte(optionsLine))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	var r reproduction
	if !ok || !bytes.HasPrefix(text, []byte("dlc ")) || json.Unmarshal(line, &r) != nil || r.Bytes < 0 || r.Bytes > len(rest) {
		return fmt.Errorf("%s was not saved by dlc on a bug", file)
	}
	o := &Options{Targets: r.Targets, Entries: r.Entries, Check: r.Check, Batch: r.Batch, Epochs: r.Epochs, Records: r.Records, replayed: true}
	if r.Columns != nil {
		o.Columns = map[string]tensor.Type{}
	}
	for name, t := range r.Columns {
		o.Columns[name] = tensor.Type{DType: t.DType, Shape: shapeOf(t.Dims)}
	}
	return replay(&Source{Path: r.Path, Text: text[len(text)-r.Bytes:]}, o, r.Call)
}

func shapeOf(dims []int) tensor.Shape {
	shape := make(tensor.Shape, len(dims))
	for i, n := range dims {
		shape[i] = tensor.Int(int64(n))
	}
	return shape
}

func replay(src *Source, o *Options, call string) error {
	if call == "kernels" {
		_, err := Kernels(src, o)
		return err
	}
	if _, err := Recipe(src); err != nil {
		return err
	}
	p, err := Check(src, o)
	if err != nil {
		return err
	}
	switch call {
	case "check":
	case "plan":
		_, err = p.Plan()
	default:
		_, err = p.Compile()
	}
	return err
}

// watch are the options of the passes: which one runs, what it made, and who else wants to know.
func (j *job) watch() *passes.Options {
	return &passes.Options{
		Check:   j.opts.Check,
		Machine: j.machine(),
		Explain: j.opts.Explain,
		Before:  func(pass string) { j.pass = pass; j.probe() },
		After: func(pass string, v any) {
			j.pass = ""
			j.newest = func() string { return passText(v) }
			if j.opts.Pass != nil {
				j.opts.Pass(pass, passText(v))
			}
		},
	}
}

// probe runs what a test wants to happen here.
func (j *job) probe() {
	if j.opts.probe != nil {
		j.opts.probe(strings.Join(slices.DeleteFunc([]string{j.phase, j.pass}, func(s string) bool { return s == "" }), "/"))
	}
}
