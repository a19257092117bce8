package mutate

import (
	"regexp"
	"strings"

	"dlc/codegen/ptx/emulate"
)

// Reasons for which a mutant that no trial catches means the same.
const (
	Together = "nobody races without it: it only keeps lanes together"
	Unread   = "nobody reads the result: garbage in its place changes nothing"
	Either   = "both ways are gone and do the same: always and never change nothing"
	Copies   = "both registers are copies of one value"
	Absorbed = "it writes something else, time and again, and that never matters"
	Rounded  = "it writes something a little else, time and again, and rounding hides it"
	Bounded  = "nothing that is compared lies between the two bounds"
	Bitwise  = "the bits in which they differ are 0 in all launches"
	Nought   = "what it multiplies is 0 in all launches: a loop of one turn"
	Equal    = "both registers hold the same, time and again"
)

// Never is said of a mutant that writes the same in all launches. That is no reason yet: it takes one that no
// input comes to what would tell them apart.
const Never = "it writes the same in all launches"

// Time and again is in so many lanes: for something else, for something that rounding may show in few of very
// many values, and for what is the same in so many launches.
const (
	somewhatOften = 64
	veryOften     = 1000
	launches      = 8
)

// Explain finds mechanically why mutants that nothing caught mean the same as the text, after Judge. What it finds holds
// for the trials, except that Copies holds for every run.
func Explain(text string, list []Verdict, trials []Trial) error {
	all := statements(text)
	m, err := emulate.Parse(text)
	if err != nil {
		return err
	}
	cut := separable(text, trials)
	for i, v := range list {
		if v.Caught || !v.Reached {
			continue
		}
		passes := func(with string) bool {
			s := all[v.at]
			m, err := parseEntry(text[:s.from]+with+text[s.to:], v.Entry, cut[v.Entry])
			return err == nil && v.passes(m, trials)
		}
		list[i].Reason = reason(text, all, v, passes)
		if list[i].Reason != "" {
			continue
		}
		d, err := v.differs(m, trials, cut[v.Entry])
		if err != nil {
			return err
		}
		list[i].Reason = d.reason(all[v.at], v.What)
		if list[i].Reason == "" && d.lanes > 0 && d.differ == 0 {
			list[i].Remark = Never
		}
	}
	return nil
}

// difference counts the lanes in which a mutant's instruction ran, those in which it wrote something else than
// the text's, and the launches.
type difference struct{ lanes, differ, launches int }

var (
	swapped  = regexp.MustCompile(`: @?%\w+ instead of @?%\w+$`)
	integral = regexp.MustCompile(`^setp\.\w+\.[su](32|64)$`)
	bitwise  = regexp.MustCompile(`^(and|or|xor|shl|shr|bfe|bfi|lop3)\.`)
	large    = regexp.MustCompile(`\b\d{5,}\b`) // more than any index here
)

// reason judges by counts. Nothing is concluded from a float constant of which no launch shows a difference:
// there the values may be at fault.
func (d difference) reason(s statement, what string) string {
	often := d.differ == 0 && d.lanes >= veryOften && d.launches >= launches
	switch {
	case rounding.MatchString(s.op.text) && d.differ >= veryOften:
		return Rounded
	case !rounding.MatchString(s.op.text) && d.differ >= somewhatOften:
		return Absorbed
	case often && swapped.MatchString(what):
		return Equal
	case d.differ > 0 || d.launches < launches || d.lanes < somewhatOften:
	case bitwise.MatchString(s.op.text):
		return Bitwise
	case integral.MatchString(s.op.text) && !large.MatchString(what):
		return Bounded
	case strings.HasPrefix(s.op.text, "mul.lo.") && !large.MatchString(what):
		return Nought
	}
	return ""
}

// rounding are the instructions of which a small change may show in one of very many values.
var rounding = regexp.MustCompile(`^(fma|mul|add|sub|div|rcp|sqrt)\.(rn|rz|f|b?f16)`)

func (v Verdict) differs(m *emulate.Module, trials []Trial, cut bool) (d difference, err error) {
	other, err := parseEntry(v.Text, v.Entry, cut)
	if err != nil {
		return d, err
	}
	for _, t := range trials {
		if t.Entry != v.Entry {
			continue
		}
		a, err := t.traced(m, 0, v.Line)
		if err != nil {
			return d, err
		}
		b, err := t.traced(other, 0, v.Line)
		if err != nil {
			return d, err
		}
		for i := range max(len(a.Wrote), len(b.Wrote)) {
			if i >= len(a.Wrote) || i >= len(b.Wrote) || a.Wrote[i] != b.Wrote[i] {
				d.differ++
			}
		}
		if n := max(len(a.Wrote), len(b.Wrote)); n > 0 {
			d.lanes += n
			d.launches++
		}
		if d.differ >= veryOften || d.launches == 4*launches {
			break
		}
	}
	return d, nil
}

// passes tells whether all trials of the mutant's entry end as they should.
func (v Verdict) passes(m *emulate.Module, trials []Trial) bool {
	for _, t := range trials {
		if t.Entry != v.Entry {
			continue
		}
		if _, err := t.run(m, t.steps); err != nil {
			return false
		}
	}
	return true
}

func reason(text string, all []statement, v Verdict, passes func(with string) bool) string {
	s := all[v.at]
	guard := s.guard.text
	if guard != "" {
		guard += " "
	}
	switch {
	case s.op.text == "bar.warp.sync" && strings.HasSuffix(v.What, "dropped"):
		return Together
	case copies(text, all, v.Mutant):
		return Copies
	case guard != "" && v.seen&bothWays == bothWays && passes(text[s.op.from:s.to]) && passes(""):
		return Either
	case strings.HasPrefix(s.op.text, "setp") && v.seen&bothOutcomes != bothOutcomes:
		return ""
	}
	for _, with := range garbage(s) {
		if !passes(guard + with) {
			return ""
		}
	}
	switch {
	case garbage(s) == nil:
		return ""
	case strings.HasPrefix(s.operands[0].text, "%p"):
		return Either
	}
	return Unread
}

// Both must have been seen where both are said to do the same.
const (
	bothWays     = emulate.Guarded | emulate.Held
	bothOutcomes = emulate.True | emulate.False
)

// without are the instructions that write no register, or several.
var without = regexp.MustCompile(`^(st|red|bar|barrier|bra|cp|mbarrier|fence|membar|wgmma|prefetch|ret|exit|mma|ldmatrix|stmatrix|setmaxnreg|griddepcontrol)\b`)

// moves write a register of each class, with its garbage.
var moves = map[string][]string{
	"%f":  {"mov.f32 @, 0f7FC12345", "mov.f32 @, 0fCB3C614E"},
	"%fd": {"mov.f64 @, 0d7FF8000012345678", "mov.f64 @, 0dC1678C29C0000000"},
	"%r":  {"mov.b32 @, 0x5A5A5A5B", "mov.b32 @, 0x85A5A5A4"},
	"%rd": {"mov.b64 @, 0x5A5A5A5A5A5A5A5B", "mov.b64 @, 0x85A5A5A5A5A5A5A4"},
	"%rs": {"mov.b16 @, 0x5A5B", "mov.b16 @, 0x85A4"},
	"%p":  {"setp.eq.u32 @, 0, 0", "setp.ne.u32 @, 0, 0"},
}

// garbage lists statements that leave something else than the statement does in the one register it writes.
func garbage(s statement) (out []string) {
	if len(s.operands) < 2 || without.MatchString(s.op.text) || s.vector {
		return nil
	}
	to := s.operands[0].text
	for _, m := range moves[classOf(to)] {
		out = append(out, strings.ReplaceAll(m, "@", to))
	}
	return out
}

// copies tells whether a mutant reads another register that holds a copy of the same value, made in the
// same run of instructions without a jump or a label.
func copies(text string, all []statement, v Mutant) bool {
	s := all[v.at]
	at := strings.LastIndex(v.What, " instead of ")
	if at < 0 || s.guard.text != "" && s.op.text == "bra" {
		return false
	}
	old, now := v.What[at+len(" instead of "):], v.What[strings.Index(v.What, ": ")+2:at]
	if !strings.HasPrefix(old, "%") || !strings.HasPrefix(now, "%") {
		return false
	}
	first := v.at
	for first > 0 && all[first-1].entry == s.entry && all[first-1].op.text != "bra" && !label.MatchString(text[all[first-1].to+1:all[first].from]) {
		first--
	}
	value := map[string]string{}
	of := func(name string) string {
		if x, ok := value[name]; ok {
			return x
		}
		return name
	}
	for _, q := range all[first:v.at] {
		if len(q.operands) < 2 || without.MatchString(q.op.text) {
			continue
		}
		to := q.operands[0].text
		x := to + "'" // a value of its own
		if strings.HasPrefix(q.op.text, "mov.") && q.guard.text == "" && !q.vector {
			x = of(q.operands[1].text)
		}
		for name, y := range value { // what was the register's old value is it no longer
			if y == to {
				value[name] = y + "''"
			}
		}
		value[to] = x
		if q.vector {
			clear(value)
		}
	}
	return of(old) == of(now)
}
