package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"dlc"
)

func newRepro() *cobra.Command {
	return &cobra.Command{
		Use:   "repro FILE.bug.txt",
		Short: "Replays a bug of dlc that it saved, and says whether it still happens",
		Long: `Replays a bug of dlc.

When dlc breaks one of its own rules it ends with exit code 3 and saves NAME.bug.txt beside the source: the source, the options, the
stack and the program as it was then. This command compiles that source again with the same options. It ends with 3 when the bug
still happens, with 0 when it does not, and with 2 when this dlc finds a mistake in the source.`,
		Example: "  dlc repro mlp.bug.txt",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			err := dlc.Replay(args[0])
			var bug *dlc.Bug
			switch {
			case err == nil:
				fmt.Fprintf(cmd.OutOrStdout(), "%s: it does not happen any more with dlc %s\n", args[0], dlc.Version)
			case errors.As(err, &bug):
				return fmt.Errorf("%s still happens: %w", args[0], bug)
			}
			return err
		},
	}
}
