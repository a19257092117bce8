package ir

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"dlc/ir/rules"
)

// broken collects what the cases of all tests say; TestMain holds each rule of Verify to a case.
var broken rules.Broken

func TestMain(m *testing.M) {
	code := m.Run()
	if part := flag.Lookup("test.run").Value.String() + flag.Lookup("test.fuzz").Value.String(); code == 0 && part == "" {
		all, err := rules.Of(".", []string{"Verify"}, []string{"Infer", "Error", "Parse"})
		rest := broken.Rest(all, func(name string) bool { return name == "verify.go" })
		for _, r := range rest {
			fmt.Printf("%s: no case breaks the rule %q\n", r.Place, r.Text)
		}
		if err != nil || len(all) == 0 || len(rest) > 0 {
			fmt.Println("rules without a case:", len(rest), err)
			code = 1
		}
	}
	os.Exit(code)
}
