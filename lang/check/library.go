package check

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"

	"dlc/lang/syntax"
)

// The library is read by need: an index of its declarations is a matter of lines, and only what
// the user's words reach, directly or through other declarations, is parsed. The rest of a file is
// blanked out before, so that every span stays where it is in the whole text.

// An indexed is one declaration of the library, with the comment before it.
type indexed struct {
	name       string
	file       int
	start, end int
}

// libraryFiles parses what of the library the words need, and names everything there is. The
// library's text is part of the compiler, so a mistake in it is a bug.
func libraryFiles(lib fs.FS, words map[string]bool) (files []*syntax.File, names []string) {
	paths, err := fs.Glob(lib, "*.dlc")
	if err != nil {
		panic("BUG: library: " + err.Error())
	}
	texts := make([][]byte, len(paths))
	var decls []indexed
	for i, p := range paths {
		if texts[i], err = fs.ReadFile(lib, p); err != nil {
			panic("BUG: library: " + err.Error())
		}
		texts[i] = bytes.Clone(texts[i])
		decls = append(decls, index(texts[i], i)...)
	}
	needed := reach(decls, texts, words)
	for _, d := range decls {
		if !slices.Contains(names, d.name) {
			names = append(names, d.name)
		}
		if !needed[d.name] {
			blank(texts[d.file][d.start:d.end])
		}
	}
	for i, p := range paths {
		f, diags := syntax.Parse("stdlib/"+p, texts[i])
		if len(diags) > 0 {
			panic("BUG: library: " + diags.Error())
		}
		files = append(files, f)
	}
	return files, names
}

// index finds the declarations of a file: each begins in column 1.
func index(text []byte, file int) []indexed {
	var out []indexed
	comment := -1 // where the comment before a declaration begins
	for at := 0; at < len(text); {
		end := at + len(text[at:])
		if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		line := text[at:end]
		switch {
		case bytes.HasPrefix(line, []byte("//")):
			if comment < 0 {
				comment = at
			}
		case isLetter(line[0]):
			if comment < 0 {
				comment = at
			}
			if n := len(out); n > 0 && out[n-1].end == 0 {
				out[n-1].end = comment
			}
			words := strings.FieldsFunc(string(line), func(r rune) bool { return r > 127 || !isWord(byte(r)) })
			if len(words) > 1 && words[0] != "edition" {
				out = append(out, indexed{name: words[1], file: file, start: comment})
			}
			comment = -1
		case len(bytes.TrimSpace(line)) > 0:
			comment = -1 // it stood inside a body
		}
		at = end
	}
	if n := len(out); n > 0 && out[n-1].end == 0 {
		out[n-1].end = len(text)
	}
	return out
}

// reach closes the words over the declarations they name.
func reach(decls []indexed, texts [][]byte, words map[string]bool) map[string]bool {
	byName := map[string][]indexed{} // a gradient has the name of its function
	for _, d := range decls {
		byName[d.name] = append(byName[d.name], d)
	}
	needed := map[string]bool{}
	var work []string
	for w := range words {
		if _, ok := byName[w]; ok {
			work = append(work, w)
		}
	}
	for len(work) > 0 {
		name := work[len(work)-1]
		work = work[:len(work)-1]
		if needed[name] || byName[name] == nil {
			continue
		}
		needed[name] = true
		found := map[string]bool{}
		for _, d := range byName[name] {
			addWords(texts[d.file][d.start:d.end], found)
		}
		for w := range found {
			work = append(work, w)
		}
	}
	return needed
}

// addWords collects the words of a text.
func addWords(text []byte, words map[string]bool) {
	for at := 0; at < len(text); {
		if !isLetter(text[at]) {
			at++
			continue
		}
		end := at
		for end < len(text) && isWord(text[end]) {
			end++
		}
		words[string(text[at:end])] = true
		at = end
	}
}

// blank overwrites a text but its line ends.
func blank(text []byte) {
	for i, c := range text {
		if c != '\n' {
			text[i] = ' '
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
func isWord(c byte) bool   { return isLetter(c) || '0' <= c && c <= '9' }

// wordsOf collects the words of the user's sources.
func wordsOf(files []*syntax.File) map[string]bool {
	words := map[string]bool{}
	for _, f := range files {
		addWords(f.Source, words)
	}
	return words
}

// sorted returns a copy in order.
func sorted(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return out
}
