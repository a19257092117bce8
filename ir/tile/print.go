package tile

import (
	"fmt"
	"strconv"
	"strings"
)

// String prints the schedule; with the kernel's own text it is the whole meaning of p. Parse
// reads it back.
//
//	tile dense for avx512
//	temp t0: f32[N div 5, 128]
//	phase grid m by 14, c by 32 vector c {
//	  begin a
//	  stream k by 4,1 {
//	    step a
//	  }
//	  store y
//	}
func (p *Program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "tile %s for %s\n", p.Name, p.Machine)
	for _, t := range p.Temps {
		fmt.Fprintf(&b, "temp %s: %s\n", t.Name, t.Type)
	}
	for _, ph := range p.Phases {
		b.WriteString(ph.header() + " {\n")
		printNodes(&b, ph.Body, "  ")
		b.WriteString("}\n")
	}
	return b.String()
}

func (p *Phase) header() string {
	s := "phase"
	if p.Seq != nil {
		s += " " + p.Seq.String()
	}
	for i, g := range p.Grid {
		if i == 0 {
			s += " grid "
		} else {
			s += ", "
		}
		s += g.String()
	}
	if p.Back {
		s += " back"
	}
	if p.Unit != nil {
		s += " " + p.Unit.String()
	}
	if p.Vector != "" {
		s += " vector " + p.Vector
		if p.Run > 1 {
			s += " run " + strconv.FormatInt(p.Run, 10)
		}
	}
	return s
}

// String prints `m by 14,4,1`.
func (s Split) String() string { return s.Index + " by " + joinInts(s.By) }

func joinInts(vs []int64) string {
	parts := make([]string, len(vs))
	for i, v := range vs {
		parts[i] = strconv.FormatInt(v, 10)
	}
	return strings.Join(parts, ",")
}

func printNodes(b *strings.Builder, nodes []Node, indent string) {
	for _, n := range nodes {
		b.WriteString(indent)
		switch n := n.(type) {
		case *Loop:
			b.WriteString(n.header() + " {\n")
			printNodes(b, n.Body, indent+"  ")
			b.WriteString(indent + "}\n")
		case *Begin:
			b.WriteString("begin " + n.Def + "\n")
		case *Step:
			b.WriteString("step " + n.Def + "\n")
		case *End:
			b.WriteString("end " + n.Def + "\n")
		case *Spill:
			b.WriteString("spill " + n.Def + " -> " + n.Temp + "\n")
		case *Join:
			b.WriteString("join " + n.Def + " from " + n.Temp + "\n")
		case *Let:
			b.WriteString("let " + n.Def + "\n")
		case *Store:
			b.WriteString("store " + n.Def + "\n")
		case *Clear:
			b.WriteString("clear " + n.Def + "\n")
		case *Sort:
			b.WriteString(n.String() + "\n")
		case *Scatter:
			b.WriteString("scatter " + n.Def + "\n")
		case *If:
			b.WriteString(n.header() + " {\n")
			printNodes(b, n.Then, indent+"  ")
			b.WriteString(indent + "} else {\n")
			printNodes(b, n.Else, indent+"  ")
			b.WriteString(indent + "}\n")
		case *Pair:
			b.WriteString("pair " + n.From + " for " + n.Def + "\n")
		case *Ahead:
			once := ""
			switch {
			case n.Once:
				once = "once "
			case n.Later:
				once = "later "
			case n.New:
				once = "new "
			}
			fmt.Fprintf(b, "ahead %s%s for %s by %d\n", once, n.From, n.Def, n.By)
		case *Past:
			b.WriteString(n.String() + "\n")
		case *Stage:
			b.WriteString("stage " + n.From + " for " + n.Def + "\n")
		case *Hold:
			b.WriteString(n.String() + "\n")
		case *Across:
			b.WriteString("across " + n.Index + " {\n")
			printNodes(b, n.Body, indent+"  ")
			b.WriteString(indent + "}\n")
		default:
			panic(fmt.Sprintf("BUG: no tile node %T", n))
		}
	}
}

func (l *Loop) header() string {
	s := "stream "
	if l.Kind == Each {
		s = "each "
	}
	s += l.Split.String()
	if l.Unroll {
		s += " unroll"
	}
	if len(l.Peel) > 0 {
		s += " peel " + joinInts(l.Peel)
	}
	return s
}
