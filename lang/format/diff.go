package format

import (
	"fmt"
	"strings"
)

// around is how many equal lines a diff shows before and after a change.
const around = 3

// An edit is a line of a diff: kept (' '), taken away ('-') or added ('+').
type edit struct {
	kind rune
	text string
}

// Diff returns the change from one text to another as a unified diff, "" where there is none.
func Diff(name string, before, after []byte) string {
	if string(before) == string(after) {
		return ""
	}
	edits := compare(lines(before), lines(after))
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s, formatted\n", name, name)
	for at := 0; at < len(edits); {
		if edits[at].kind == ' ' {
			at++
			continue
		}
		from, to := max(0, at-around), at
		for last := at; to < len(edits) && to-last <= 2*around; to++ {
			if edits[to].kind != ' ' {
				last = to
			}
			at = last + 1
		}
		to = min(len(edits), at+around)
		hunk(&b, edits, from, to)
		at = to
	}
	return b.String()
}

// lines cuts a text behind each line end.
func lines(text []byte) []string { return strings.SplitAfter(string(text), "\n") }

// hunk writes the edits [from, to) below their place in both texts.
func hunk(b *strings.Builder, edits []edit, from, to int) {
	var start, size [2]int
	for i, e := range edits[:to] {
		for side, other := range []rune{'+', '-'} {
			switch {
			case e.kind == other:
			case i < from:
				start[side]++
			default:
				size[side]++
			}
		}
	}
	for side := range start {
		if size[side] > 0 {
			start[side]++ // the first line; an empty side names the line before it
		}
	}
	fmt.Fprintf(b, "@@ -%d,%d +%d,%d @@\n", start[0], size[0], start[1], size[1])
	for _, e := range edits[from:to] {
		b.WriteRune(e.kind)
		b.WriteString(e.text)
		if !strings.HasSuffix(e.text, "\n") {
			b.WriteString("\n\\ No newline at end of file\n")
		}
	}
}

// compare finds a shortest list of edits (Myers 1986: the furthest reaching path per diagonal).
func compare(a, b []string) []edit {
	a, b = dropEnd(a), dropEnd(b)
	most := len(a) + len(b)
	reach := map[int]int{1: 0} // diagonal x-y -> x
	var rounds []map[int]int
	for d := 0; d <= most; d++ {
		round := map[int]int{}
		for k := -d; k <= d; k += 2 {
			x := reach[k-1] + 1
			if k == -d || k != d && reach[k-1] < reach[k+1] {
				x = reach[k+1]
			}
			y := x - k
			for x < len(a) && y < len(b) && a[x] == b[y] {
				x, y = x+1, y+1
			}
			round[k] = x
			if x >= len(a) && y >= len(b) {
				return trace(append(rounds, round), a, b)
			}
		}
		rounds = append(rounds, round)
		reach = round
	}
	panic("BUG: two texts have no way from one to the other")
}

// dropEnd leaves out the empty piece behind the last line end.
func dropEnd(list []string) []string {
	if n := len(list); n > 0 && list[n-1] == "" {
		return list[:n-1]
	}
	return list
}

// trace walks the rounds back from the end.
func trace(rounds []map[int]int, a, b []string) []edit {
	var back []edit
	x, y := len(a), len(b)
	for d := len(rounds) - 1; d >= 0; d-- {
		px, py := 0, 0
		if d > 0 {
			k, before := x-y, rounds[d-1]
			pk := k - 1
			if k == -d || k != d && before[k-1] < before[k+1] {
				pk = k + 1
			}
			px = before[pk]
			py = px - pk
		}
		for x > px && y > py {
			x, y = x-1, y-1
			back = append(back, edit{' ', a[x]})
		}
		if d > 0 && x > px {
			x--
			back = append(back, edit{'-', a[x]})
		} else if d > 0 {
			y--
			back = append(back, edit{'+', b[y]})
		}
	}
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return back
}
