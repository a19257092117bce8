package check

import "sort"

// Nearest returns the candidate most like name, when one is like it: within a third of its
// length in edits (transpositions count one).
func Nearest(name string, candidates []string) (string, bool) {
	sort.Strings(candidates)
	best, most := "", max(1, len(name)/3)+1
	for _, c := range candidates {
		if d := distance(name, c, most); d < most {
			best, most = c, d
		}
	}
	return best, best != ""
}

// distance is the optimal string alignment distance of a and b in bytes, at most limit; a
// change of case alone costs nothing.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if lower(a[i-1]) == lower(b[j-1]) {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return min(prev[len(b)], limit)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
