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
			if _, err := checkFile(args[0], nil, false, dlc.Options{}); err != nil {
				return err
			}
			if asJSON {
				return diag.JSON(cmd.OutOrStdout(), nil)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: no mistakes\n", args[0])
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print mistakes as JSON")
	return c
}
