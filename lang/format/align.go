package format

import "slices"

// A cell is an item that may stand in a column of its own: its line and its place there.
type cell struct{ line, item int }

// A column is cells of consecutive lines that begin at one place in the source.
type column struct {
	at    int // in the source, from the line's first character
	cells []cell
}

// align keeps the columns the writer made: where items of consecutive lines, equally indented,
// stand below each other and one of them is set off by two blanks or more, they stand below each
// other in the output, the longest line keeping its distance. Other blanks are single.
func align(lines []line) {
	for _, c := range columns(lines) {
		narrow, end := 1<<30, 0
		set := false
		for _, m := range c.cells {
			g := sourceGap(lines, m)
			narrow, set = min(narrow, g), set || g > 1
			end = max(end, endBefore(lines, m))
		}
		if !set {
			continue
		}
		for _, m := range c.cells {
			lines[m.line].items[m.item].gap = end + max(1, narrow) - endBefore(lines, m)
		}
	}
}

// kindOf says what of a kind may stand in one column: signs that part a line, comments, and what
// follows a colon or comma; empty for everything else.
func kindOf(prev, it item) string {
	switch {
	case it.comment:
		return "//"
	case prev.text == ":" || prev.text == ",":
		return prev.text + " "
	}
	switch it.text {
	case "=", "+=", "<-", ":":
		return "="
	case "==", "!=", "<", "<=", ">", ">=":
		return "<"
	case "|>", "->", "in", "over", "with", "at", "+", "-", "*", "/", "@":
		return it.text
	}
	return ""
}

// A place is where a cell begins in the source, and its kind.
type place struct {
	at   int
	kind string
}

// columns finds the columns of two lines or more, from left to right.
func columns(lines []line) []column {
	var out []column
	open := map[place]int{} // to the column that the line before belongs to
	for i := range lines {
		l := &lines[i]
		here := map[place]int{}
		follows := i > 0 && lines[i-1].number+1 == l.number && lines[i-1].indent == l.indent
		for k := 1; k < len(l.items); k++ {
			at := place{l.items[k].col - l.items[0].col, kindOf(l.items[k-1], l.items[k])}
			if l.items[k].gap == 0 || at.kind == "" {
				continue
			}
			c, ok := open[at]
			if !ok || !follows {
				c = len(out)
				out = append(out, column{at: at.at})
			}
			out[c].cells = append(out[c].cells, cell{i, k})
			here[at] = c
		}
		open = here
	}
	out = slices.DeleteFunc(out, func(c column) bool { return len(c.cells) < 2 })
	slices.SortStableFunc(out, func(a, b column) int { return a.at - b.at })
	return out
}

// sourceGap returns the blanks before a cell in the source.
func sourceGap(lines []line, m cell) int {
	items := lines[m.line].items
	prev := items[m.item-1]
	return items[m.item].col - prev.col - prev.width()
}

// endBefore returns where the item before a cell ends in the output, without the indent.
func endBefore(lines []line, m cell) int {
	end := 0
	for _, it := range lines[m.line].items[:m.item] {
		end += it.gap + it.width()
	}
	return end
}
