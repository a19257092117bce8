package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dlc"
	"dlc/lang/diag"
)

func newCheck() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "check FILE.dlc",
		Short:   "Reports every mistake in a file, without compiling it",
		Example: "  dlc check examples/mnist/lenet.dlc",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			src, err := readSource(cmd, args[0])
			if err != nil {
				return err
			}
			p, err := checkSource(src, nil, false, dlc.Options{})
			if err != nil {
				return err
			}
			if asJSON {
				return diag.JSON(cmd.OutOrStdout(), p.Warnings)
			}
			warn(cmd.ErrOrStderr(), p.Warnings)
			end := ""
			if n := len(p.Warnings); n > 0 {
				end = ", " + plural(n, "warning")
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: no mistakes%s\n", args[0], end)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print mistakes and warnings as JSON")
	return c
}
