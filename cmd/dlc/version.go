package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"dlc"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Prints the version of dlc",
		Example: "  dlc version",
		Args:    noArgument,
		Run:     func(cmd *cobra.Command, _ []string) { fmt.Fprintln(cmd.OutOrStdout(), "dlc", dlc.Version) },
	}
}
