package diag

import "strings"

// Suggest returns the candidate nearest to name by edit distance, when one is near enough to be
// what was meant: a third of the letters may differ, two swapped ones counting as one. Of equally
// near candidates the first wins. A name that is near none may be a part of one.
func Suggest(name string, candidates []string) (string, bool) {
	best, least := "", (len(name)+2)/3+1
	if len(name) == 1 {
		least = 1 // any letter is near another: only the case may differ
	}
	for _, c := range candidates {
		if c == name {
			continue
		}
		if len(c)-len(name) >= least || len(name)-len(c) >= least {
			continue
		}
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	if best == "" {
		return longer(name, candidates)
	}
	return best, true
}

// longer returns the one candidate that a name of three letters or more is a part of.
func longer(name string, candidates []string) (string, bool) {
	found := ""
	for _, c := range candidates {
		if len(name) < 3 || len(c) <= len(name) || !strings.Contains(strings.ToLower(c), strings.ToLower(name)) || c == found {
			continue
		}
		if found != "" {
			return "", false
		}
		found = c
	}
	return found, found != ""
}

// distance counts the edits from a to b: insert, delete, replace a byte, swap two neighbours
// (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
