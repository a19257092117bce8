package rules

import (
	"flag"
	"fmt"
)

// Main runs the tests of the package in this folder, of which broken collects what cases say, and holds
// each rule of its Verify that stands in one of the files to a case, unless only some tests ran. It
// returns the exit status.
func (b *Broken) Main(tests interface{ Run() int }, files func(name string) bool) int {
	status := tests.Run()
	if some := flag.Lookup("test.run").Value.String() + flag.Lookup("test.fuzz").Value.String(); status != 0 || some != "" {
		return status
	}
	all, err := Of(".", []string{"Verify"}, []string{"Infer", "Error", "Parse"})
	rest := b.Rest(all, files)
	for _, r := range rest {
		fmt.Printf("%s: no case breaks the rule %q\n", r.Place, r.Text)
	}
	if err != nil || len(all) == 0 || len(rest) > 0 {
		fmt.Println("rules without a case:", len(rest), err)
		return 1
	}
	return 0
}
