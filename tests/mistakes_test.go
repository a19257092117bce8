package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// mistakesHead begins the page.
const mistakesHead = `# The likeliest mistakes, and what dlc says

What goes wrong most often for who writes a first model, and what dlc answers. The page is written by a test from the cases in
` + "`tests/golden/mistakes`" + `, so that it stays true. Each case changes this program, which lies beside the digits that come with dlc:

` + "```\n"

// TestGoldenMistakes plays the cases of golden/mistakes, each a change of digits.dlc, and holds
// docs/mistakes.md to what they give. A case is a title and a sentence, the lines taken away (-)
// and added (+) in order, a script, and what the user sees.
func TestGoldenMistakes(t *testing.T) {
	paths, err := filepath.Glob("golden/mistakes/*.txtar")
	if err != nil || len(paths) < 20 {
		t.Fatalf("only %d cases: %v", len(paths), err)
	}
	program, err := os.ReadFile("golden/mistakes/digits.dlc")
	if err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	page.WriteString(mistakesHead + string(program) + "```\n")
	for i, path := range paths {
		a, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got := playMistake(t, a, string(program))
		kept := []txtar.File{{Name: "edit", Data: file(a, "edit")}, {Name: "script", Data: file(a, "script")}, {Name: "output", Data: []byte(got)}}
		golden(t, path, &txtar.Archive{Comment: a.Comment, Files: kept}, string(file(a, "output")), got)
		title, why, _ := strings.Cut(strings.TrimSpace(string(a.Comment)), "\n")
		fmt.Fprintf(&page, "\n## %d. %s\n\n", i+1, title)
		if why != "" {
			page.WriteString(why + "\n\n")
		}
		if edit := string(file(a, "edit")); edit != "" {
			page.WriteString("```diff\n" + edit + "```\n\n")
		}
		page.WriteString("```text\n" + strings.ReplaceAll("\n"+got, "\n! ", "\n")[1:] + "```\n")
	}
	const doc = "../docs/mistakes.md"
	if *update {
		if err := os.WriteFile(doc, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(doc); err != nil || string(text) != page.String() {
		t.Errorf("%s is not what the cases give (make golden rewrites it): %v", doc, err)
	}
}

// playMistake changes the program and runs the script on it, beside the digits.
func playMistake(t *testing.T, a *txtar.Archive, program string) string {
	t.Helper()
	c := &cliCase{t: t, dlc: dlcCommand(t), dir: t.TempDir()}
	var old, new strings.Builder
	change := func() {
		if old.Len() == 0 {
			return
		}
		if !strings.Contains(program, old.String()) {
			t.Fatalf("%s: the program has no\n%s", a.Comment, old.String())
		}
		program = strings.Replace(program, old.String(), new.String(), 1)
		old.Reset()
		new.Reset()
	}
	for _, line := range strings.SplitAfter(string(file(a, "edit")), "\n") {
		switch {
		case strings.HasPrefix(line, "-"):
			if new.Len() > 0 {
				change()
			}
			old.WriteString(line[1:])
		case strings.HasPrefix(line, "+"):
			new.WriteString(line[1:])
		}
	}
	change()
	c.write("digits.dlc", []byte(program))
	c.play([]string{"digits", "data"})
	for _, line := range strings.Split(strings.TrimSpace(string(file(a, "script"))), "\n") {
		c.play(strings.Fields(line))
	}
	return c.out.String()
}
