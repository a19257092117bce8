package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"dlc"
)

func newDoctor() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		Short:   "Says whether this machine has what dlc needs, and how to get what is missing",
		Example: "  dlc doctor",
		Args:    noArgument,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			missing := 0
			for _, f := range dlc.Examine() {
				mark := "ok     "
				if !f.Good {
					mark = "missing"
					missing++
				}
				fmt.Fprintf(out, "%s  %-18s %s\n", mark, f.What, f.Found)
				if f.Fix != "" {
					fmt.Fprintf(out, "         %s%s\n", strings.Repeat(" ", 19), f.Fix)
				}
			}
			if missing > 0 {
				return errors.New("something that dlc needs is missing")
			}
			return nil
		},
	}
}
