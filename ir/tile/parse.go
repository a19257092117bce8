package tile

import (
	"fmt"
	"strconv"
	"strings"

	"dlc/ir/kernel"
	"dlc/ir/tensor"
)

// maxNesting bounds the loops of a schedule's text.
const maxNesting = 64

// Parse reads the schedule that String wrote, for kernel k, and verifies it.
func Parse(src string, k *kernel.Kernel) (*Program, error) {
	r := &reader{p: &Program{Kernel: k}}
	for _, text := range strings.Split(src, "\n") {
		r.line++
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		if err := r.read(text); err != nil {
			return nil, fmt.Errorf("tile text, line %d: %w", r.line, err)
		}
	}
	if len(r.open) > 0 {
		return nil, fmt.Errorf("tile text, line %d: missing }", r.line)
	}
	if r.p.Name == "" {
		return nil, fmt.Errorf("tile text: missing `tile NAME for MACHINE`")
	}
	return r.p, Verify(r.p)
}

// A reader takes one line at a time; open holds the node lists that are not closed yet.
type reader struct {
	p    *Program
	line int
	open []*[]Node
}

func (r *reader) read(text string) error {
	word, rest, _ := strings.Cut(text, " ")
	switch word {
	case "tile":
		name, machine, ok := strings.Cut(rest, " for ")
		if !ok || r.p.Name != "" {
			return fmt.Errorf("one `tile NAME for MACHINE` is expected, not %q", text)
		}
		r.p.Name, r.p.Machine = name, machine
		return nil
	case "temp":
		return r.temp(rest)
	case "phase":
		return r.phase(rest)
	case "}":
		if rest == "else {" {
			return r.otherwise()
		}
		if len(r.open) == 0 || rest != "" {
			return fmt.Errorf("unexpected %q", text)
		}
		r.open = r.open[:len(r.open)-1]
		return nil
	}
	if len(r.open) == 0 {
		return fmt.Errorf("%q stands outside of a phase", text)
	}
	n, err := r.node(word, rest)
	if err != nil {
		return err
	}
	list := r.open[len(r.open)-1]
	*list = append(*list, n)
	switch n := n.(type) {
	case *Loop:
		return r.enter(&n.Body)
	case *Across:
		return r.enter(&n.Body)
	case *If:
		return r.enter(&n.Then)
	}
	return nil
}

func (r *reader) enter(list *[]Node) error {
	if len(r.open) == maxNesting {
		return fmt.Errorf("more than %d loops deep", maxNesting)
	}
	r.open = append(r.open, list)
	return nil
}

func (r *reader) temp(text string) error {
	name, text, ok := strings.Cut(text, ": ")
	dtype, dims, ok2 := strings.Cut(strings.TrimSuffix(text, "]"), "[")
	if !ok || !ok2 || !strings.HasSuffix(text, "]") {
		return fmt.Errorf("`temp NAME: TYPE[DIMS]` is expected")
	}
	b := &kernel.Buffer{Name: name, Role: kernel.Temp}
	var err error
	if b.Type.DType, err = tensor.ParseStored(dtype); err != nil {
		return err
	}
	for _, s := range strings.Split(dims, ",") {
		if dims == "" {
			break
		}
		d, err := tensor.ParseDim(s)
		if err != nil {
			return err
		}
		b.Type.Shape = append(b.Type.Shape, d)
	}
	r.p.Temps = append(r.p.Temps, b)
	return nil
}

func (r *reader) phase(text string) error {
	if len(r.open) > 0 {
		return fmt.Errorf("a phase stands inside of a phase")
	}
	ph := &Phase{}
	text, ok := strings.CutSuffix(text, "{")
	if !ok {
		return fmt.Errorf("missing { at the end")
	}
	text = " " + strings.TrimSpace(text)
	ph.Seq, text = parseSeq(text)
	head, vector, ok := strings.Cut(text, " vector ")
	if ok {
		var run string
		if ph.Vector, run, ok = strings.Cut(vector, " run "); ok {
			n, err := strconv.ParseInt(run, 10, 64)
			if err != nil || n < 2 {
				return fmt.Errorf("run %q is no number above 1", run)
			}
			ph.Run = n
		}
	}
	head, unit, ok := strings.Cut(head, " unit ")
	if ok {
		var err error
		if ph.Unit, err = parseUnit(unit); err != nil {
			return err
		}
	}
	if grid, ok := strings.CutPrefix(head, " grid "); ok {
		grid, ph.Back = strings.CutSuffix(grid, " back")
		for _, s := range strings.Split(grid, ", ") {
			split, rest, err := parseSplit(s)
			if err != nil || rest != "" {
				return fmt.Errorf("grid split %q is not `INDEX by LENGTH`", s)
			}
			ph.Grid = append(ph.Grid, split)
		}
	} else if head != " " && head != "" {
		return fmt.Errorf("unexpected %q", head)
	}
	r.p.Phases = append(r.p.Phases, ph)
	return r.enter(&ph.Body)
}

func parseSplit(text string) (s Split, rest string, err error) {
	name, text, ok := strings.Cut(text, " by ")
	if !ok {
		return s, "", fmt.Errorf("`INDEX by LENGTHS` is expected")
	}
	lengths, rest, _ := strings.Cut(text, " ")
	s.Index = name
	s.By, err = parseInts(lengths)
	return s, rest, err
}

func parseInts(text string) ([]int64, error) {
	var vs []int64
	for _, s := range strings.Split(text, ",") {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no integer", s)
		}
		vs = append(vs, v)
	}
	return vs, nil
}

func (r *reader) node(word, rest string) (Node, error) {
	pair := func(sep string) (string, string, error) {
		def, temp, ok := strings.Cut(rest, sep)
		if !ok {
			return "", "", fmt.Errorf("`%s DEF%sTEMP` is expected", word, sep)
		}
		return def, temp, nil
	}
	switch word {
	case "stream":
		return parseLoop(Stream, rest)
	case "each":
		return parseLoop(Each, rest)
	case "begin":
		return &Begin{rest}, nil
	case "step":
		return &Step{rest}, nil
	case "end":
		return &End{rest}, nil
	case "let":
		return &Let{rest}, nil
	case "store":
		return &Store{rest}, nil
	case "clear":
		return &Clear{rest}, nil
	case "sort":
		def, temp, _ := strings.Cut(rest, " in ")
		return &Sort{def, temp}, nil
	case "scatter":
		return &Scatter{rest}, nil
	case "if":
		return parseIf(rest)
	case "pair":
		from, def, err := pair(" for ")
		return &Pair{def, from}, err
	case "past":
		return parsePast(rest)
	case "ahead":
		return parseAhead(rest)
	case "stage":
		from, def, err := pair(" for ")
		return &Stage{def, from}, err
	case "hold":
		def, along, _ := strings.Cut(rest, " along ")
		return &Hold{def, along}, nil
	case "across":
		index, ok := strings.CutSuffix(rest, " {")
		if !ok {
			return nil, fmt.Errorf("missing { at the end")
		}
		return &Across{Index: index}, nil
	case "spill":
		def, temp, err := pair(" -> ")
		return &Spill{def, temp}, err
	case "join":
		def, temp, err := pair(" from ")
		return &Join{def, temp}, err
	}
	return nil, fmt.Errorf("unknown node %q", word)
}

func parseLoop(kind LoopKind, text string) (Node, error) {
	text, ok := strings.CutSuffix(text, " {")
	if !ok {
		return nil, fmt.Errorf("missing { at the end")
	}
	l := &Loop{Kind: kind}
	var err error
	if l.Split, text, err = parseSplit(text); err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(text, "unroll"); ok {
		l.Unroll, text = true, strings.TrimPrefix(rest, " ")
	}
	if rest, ok := strings.CutPrefix(text, "peel "); ok {
		if l.Peel, err = parseInts(rest); err != nil {
			return nil, err
		}
		text = ""
	}
	if text != "" {
		return nil, fmt.Errorf("unexpected %q", text)
	}
	return l, nil
}
