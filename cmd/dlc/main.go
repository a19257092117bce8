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
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"dlc"
	"dlc/lang/diag"
	"dlc/runtime/program"
	"dlc/runtime/train"
)

// Exit codes of every command.
const (
	exitGood    = 0
	exitPromise = 1   // a promise or a test is not met
	exitUser    = 2   // the user's mistake
	exitBug     = 3   // dlc's own
	exitStopped = 130 // Ctrl-C or SIGTERM
)

// errPromise is wrapped by errors about promises that were checked and are not met.
var errPromise = errors.New("promise not met")

// main lets the heap grow fourfold between collections: compiling is short, and allocates much.
func main() {
	debug.SetGCPercent(400)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run executes a command line and returns its exit code.
func run(args []string, out, errs io.Writer) int {
	ctx, stop := interruptible()
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	cmd := root
	err := dlc.Guard("dlc "+strings.Join(args, " "), func() (err error) {
		cmd, err = root.ExecuteContextC(ctx)
		return err
	})
	return report(cmd, err, out, errs)
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
		os.Exit(exitStopped)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

// report prints an error the way it deserves and returns the exit code. Where the command was to
// print JSON, errors are JSON too, on standard output like all that is meant for programs.
func report(cmd *cobra.Command, err error, out, errs io.Writer) int {
	if err == nil {
		return exitGood
	}
	var bug *dlc.Bug
	var stopped *train.Interrupted
	code := exitUser
	switch {
	case errors.As(err, &stopped), errors.Is(err, context.Canceled):
		code = exitStopped
	case errors.As(err, &bug):
		code = exitBug
	case errors.Is(err, errDiffers):
		return exitPromise
	case errors.Is(err, errPromise):
		code = exitPromise
	}
	var list diag.List
	switch found := errors.As(err, &list); {
	case wantsJSON(cmd) && found:
		diag.JSON(out, list)
	case wantsJSON(cmd):
		diag.JSON(out, diag.List{{Message: plainly(err)}})
	case found:
		diag.Render(errs, list, source, colour(errs))
		fmt.Fprint(errs, count(list))
	default:
		fmt.Fprintln(errs, "error:", plainly(err))
	}
	return code
}

// warn shows the warnings of a file without mistakes.
func warn(errs io.Writer, list diag.List) {
	if len(list) > 0 {
		diag.Render(errs, list, source, colour(errs))
		fmt.Fprintln(errs)
	}
}

// count says how many mistakes a long list holds.
func count(list diag.List) string {
	n := 0
	for _, d := range list {
		if d.Severity == diag.Error {
			n++
		}
	}
	if n < 3 {
		return ""
	}
	return fmt.Sprintf("\n%d mistakes\n", n)
}

// wantsJSON reports whether a command was called with --json.
func wantsJSON(cmd *cobra.Command) bool {
	f := cmd.Flags().Lookup("json")
	return f != nil && f.Value.String() == "true"
}

// source returns the text of a file that a diagnostic points into, nil when it cannot be read. Of an
// artifact it is the source that it was built from.
func source(file string) []byte {
	if f, err := program.Open(file); err == nil {
		defer f.Close()
		return []byte(f.Manifest.Source)
	}
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

// firstSteps is what dlc alone prints.
const firstSteps = `dlc compiles a model written in a small language into native code: it trains it, ships it and runs it.

First steps:

  dlc doctor                               says whether this machine has what dlc needs
  dlc check examples/digits/mlp.dlc        finds every mistake in a file, before anything runs
  dlc train examples/digits/mlp.dlc        trains on the digits that come with dlc
  dlc build examples/digits/mlp.dlc        makes mlp.dlb: weights, code and signature in one file
  dlc inspect mlp.dlb                      says what is in it
  dlc run mlp.dlb --input image=x.npy      runs it; libLLVM is not needed any more

dlc --help lists all commands, dlc COMMAND --help explains one.
`

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "dlc",
		Short: "Compiles models into native code: trains them, ships them, runs them",
		Long: `dlc compiles a model written in a small language into native code.

Exit codes: 0 good, 1 a promise or test is not met, 2 a mistake in what was asked for, 3 a bug in dlc,
130 ended by Ctrl-C or SIGTERM.`,
		Example:           "  dlc train examples/digits/mlp.dlc\n  dlc build examples/digits/mlp.dlc -o mlp.dlb",
		Version:           dlc.Version,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("dlc has no command %q%s (dlc --help lists them)", args[0], meant(cmd, args[0]))
			}
			_, err := io.WriteString(cmd.OutOrStdout(), firstSteps)
			return err
		},
	}
	root.SetVersionTemplate("dlc {{.Version}}\n")
	root.SetFlagErrorFunc(wrongFlag)
	root.AddCommand(newTrain(), newEval(), newBuild(), newRun(), newPredict(), newCompile(), newCheck(), newFmt(), newSummary(), newInspect(),
		newRepro(), newDoctor(), newVersion(), newCompletion(root))
	complete(root)
	return root
}
