package mutate

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
)

// What makes threads wait for or see each other; leaving one out is a mistake of its own kind.
var synchronizing = regexp.MustCompile(`^(bar|barrier|fence|membar|mbarrier\.arrive|mbarrier\.init|cp\.async\.(commit|wait)|cp\.async\.bulk\.(commit|wait)|wgmma\.(fence|commit|wait))`)

func drops(list []statement) []edit {
	var out []edit
	for _, s := range list {
		if synchronizing.MatchString(s.op.text) {
			out = append(out, edit{s.at, s.from, s.to, "", s.op.text + " dropped"})
		}
	}
	return out
}

// class is a register's name without its number: %rd, %f.
var class = regexp.MustCompile(`^(%[a-z]+)\d+$`)

func classOf(name string) string {
	if m := class.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return ""
}

// registers replaces one source register of each statement by another of its class that stands nearby.
func registers(list []statement, rng *rand.Rand) []edit {
	const near = 12
	var out []edit
	for i, s := range list {
		if len(s.operands) < 2 {
			continue
		}
		o := s.operands[1+rng.IntN(len(s.operands)-1)]
		c := classOf(o.text)
		if c == "" {
			continue
		}
		var others []string
		for _, n := range list[max(0, i-near):min(len(list), i+near)] {
			for _, p := range n.operands {
				if classOf(p.text) == c && p.text != o.text {
					others = append(others, p.text)
				}
			}
		}
		if len(others) > 0 {
			with := others[rng.IntN(len(others))]
			out = append(out, s.replace(o, with, fmt.Sprintf("%s: %s instead of %s", s.op.text, with, o.text)))
		}
	}
	return out
}

// constants changes one literal of each statement that has any.
func constants(list []statement, rng *rand.Rand) []edit {
	var out []edit
	for _, s := range list {
		var literals []part
		for _, o := range s.operands {
			if c := o.text[0]; c >= '0' && c <= '9' || c == '-' {
				literals = append(literals, o)
			}
		}
		if len(literals) == 0 {
			continue
		}
		o := literals[rng.IntN(len(literals))]
		if with, ok := otherConstant(o.text, rng); ok {
			out = append(out, s.replace(o, with, fmt.Sprintf("%s: %s instead of %s", s.op.text, with, o.text)))
		}
	}
	return out
}

func otherConstant(text string, rng *rand.Rand) (string, bool) {
	if bits, ok := strings.CutPrefix(text, "0f"); ok {
		v, err := strconv.ParseUint(bits, 16, 32)
		return fmt.Sprintf("0f%08X", v^1<<(8+rng.IntN(24))), err == nil
	}
	if bits, ok := strings.CutPrefix(text, "0d"); ok {
		v, err := strconv.ParseUint(bits, 16, 64)
		return fmt.Sprintf("0d%016X", v^1<<(32+rng.IntN(32))), err == nil
	}
	v, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		return "", false
	}
	by := [...]int64{1, -1, 4, -4, v}[rng.IntN(5)]
	if by == 0 {
		by = 1
	}
	return strconv.FormatInt(v+by, 10), true
}

var comparison = regexp.MustCompile(`^(setp\.)(eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan)(\..*)$`)

// opposite gives the comparison that differs everywhere, boundary the one that differs for equal operands.
var (
	opposite = map[string]string{"eq": "ne", "ne": "eq", "lt": "ge", "le": "gt", "gt": "le", "ge": "lt",
		"equ": "neu", "neu": "equ", "ltu": "geu", "leu": "gtu", "gtu": "leu", "geu": "ltu", "num": "nan", "nan": "num"}
	boundary = map[string]string{"lt": "le", "le": "lt", "gt": "ge", "ge": "gt"}
)

// predicates negates guards and changes comparisons.
func predicates(list []statement, rng *rand.Rand) []edit {
	var out []edit
	for _, s := range list {
		if g := s.guard.text; g != "" {
			with := "@!" + strings.TrimPrefix(g, "@")
			if strings.HasPrefix(g, "@!") {
				with = "@" + strings.TrimPrefix(g, "@!")
			}
			out = append(out, s.replace(s.guard, with, fmt.Sprintf("%s: %s instead of %s", s.op.text, with, g)))
		}
		if m := comparison.FindStringSubmatch(s.op.text); m != nil {
			with := opposite[m[2]]
			if near := boundary[m[2]]; near != "" && !strings.Contains(m[3], ".f") && rng.IntN(2) == 0 { // equal floats are a matter of luck
				with = near
			}
			with = m[1] + with + m[3]
			out = append(out, s.replace(s.op, with, with+" instead of "+s.op.text))
		}
	}
	return out
}
