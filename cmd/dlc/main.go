// Command dlc trains, builds, runs and inspects models. Each command is one file: flags and
// printing, no logic beyond them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dlc"
	"dlc/lang/diag"
)

// Exit codes of every command.
const (
	exitGood    = 0
	exitPromise = 1 // a promise or a test is not met
	exitUser    = 2 // the user's mistake
	exitBug     = 3 // dlc's own
)

// errPromise is wrapped by errors about promises that were checked and are not met.
var errPromise = errors.New("promise not met")

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run executes a command line and returns its exit code.
func run(args []string, out, errs io.Writer) int {
	ctx, stop := interruptible()
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	return report(root, err, errs)
}

// interruptible returns a context that the first Ctrl-C or SIGTERM ends; a second one ends the process.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		os.Exit(130)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

// report prints an error the way it deserves and returns the exit code.
func report(root *cobra.Command, err error, errs io.Writer) int {
	var list diag.List
	var bug *dlc.Bug
	asJSON := wantsJSON(root)
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &list) && asJSON:
		diag.JSON(errs, list)
		return exitUser
	case errors.As(err, &list):
		diag.Render(errs, list, source, colour(errs))
		return exitUser
	case errors.As(err, &bug):
		fmt.Fprintln(errs, bug)
		return exitBug
	case errors.Is(err, errPromise):
		fmt.Fprintln(errs, "error:", err)
		return exitPromise
	}
	fmt.Fprintln(errs, "error:", err)
	return exitUser
}

func wantsJSON(root *cobra.Command) bool {
	cmd, _, err := root.Find(os.Args[1:])
	if err != nil {
		return false
	}
	f := cmd.Flags().Lookup("json")
	return f != nil && f.Value.String() == "true"
}

// source returns the text of a file that a diagnostic points into, nil when it cannot be read.
func source(file string) []byte {
	text, err := dlc.SourceText(file)
	if err != nil {
		return nil
	}
	return text
}

// colour reports whether w is a terminal that wants colour.
func colour(w io.Writer) bool { return terminal(w) && os.Getenv("NO_COLOR") == "" }

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "dlc",
		Short: "Compiles models into native code: trains them, ships them, runs them",
		Long: `dlc compiles a model written in a small language into native code.

First steps:

  dlc train examples/digits/mlp.dlc        trains on the digits that come with dlc
  dlc build examples/digits/mlp.dlc        makes mlp.dlb: weights, code and signature in one file
  dlc inspect mlp.dlb                      says what is in it
  dlc run mlp.dlb --input image=x.npy      runs it; libLLVM is not needed any more

Exit codes: 0 good, 1 a promise or test is not met, 2 a mistake in what was asked for, 3 a bug in dlc.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q%s (dlc --help lists them)", args[0], meant(cmd, args[0]))
			}
			return cmd.Help()
		},
	}
	root.AddCommand(newTrain(), newEval(), newBuild(), newRun(), newPredict(), newCompile(), newCheck(), newSummary(), newInspect(), newRepro(), newVersion(), newDoctor())
	return root
}

// meant suggests the command that a wrong one was probably meant to be.
func meant(cmd *cobra.Command, word string) string {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	if s, ok := diag.Suggest(word, names); ok {
		return fmt.Sprintf(": did you mean %q?", s)
	}
	return ""
}
