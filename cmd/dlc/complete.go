package main

import (
	"strings"

	"github.com/spf13/cobra"

	"dlc"
)

// fileKinds are the extensions that each command takes as its argument.
var fileKinds = map[string][]string{
	"train": {"dlc"}, "eval": {"dlc", "dlb"}, "build": {"dlc"}, "run": {"dlc", "dlb"}, "predict": {"dlb"}, "compile": {"dlc"},
	"check": {"dlc"}, "summary": {"dlc"}, "inspect": {"dlb"}, "repro": {"bug.txt"}, "fmt": {"dlc"},
}

// flagKinds are the extensions of the files that flags take.
var flagKinds = map[string][]string{"weights": {"safetensors"}, "csv": {"csv"}, "image": {"png", "jpg", "jpeg"}}

// flagWords are the words that flags take.
func flagWords() map[string][]string {
	return map[string][]string{
		"emit": dlc.Stages(), "dump": dlc.Passes(), "target": dlc.TargetNames(), "split": {"train", "valid", "test"},
		"entry": {"init", "train", "infer", "prepare", "score", "metrics", "reset"},
	}
}

// complete tells the shell what commands and flags take.
func complete(root *cobra.Command) {
	words := flagWords()
	for _, c := range root.Commands() {
		kinds := fileKinds[c.Name()]
		c.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(kinds) == 0 || len(args) > 0 && c.Name() != "fmt" {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return kinds, cobra.ShellCompDirectiveFilterFileExt
		}
		for name, list := range words {
			if c.Flags().Lookup(name) != nil {
				must(c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)))
			}
		}
		for name, kinds := range flagKinds {
			if c.Flags().Lookup(name) != nil {
				must(c.MarkFlagFilename(name, kinds...))
			}
		}
	}
}

func must(err error) {
	if err != nil {
		panic("BUG: completion: " + err.Error())
	}
}

// newCompletion prints the script that makes a shell complete dlc's words.
func newCompletion(root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	c := &cobra.Command{
		Use:   "completion SHELL",
		Short: "Prints a script that lets the shell complete commands, flags and files",
		Long:  "Prints a script that lets the shell complete commands, flags, stages and files: for " + strings.Join(shells, ", ") + ".",
		Example: `  source <(dlc completion bash)
  dlc completion zsh > "${fpath[1]}/_dlc"
  dlc completion fish > ~/.config/fish/completions/dlc.fish`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return wrongCount(cmd, args, "the name of a shell")
			}
			return nil
		},
		ValidArgs: shells,
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		out := cmd.OutOrStdout()
		switch args[0] {
		case "bash":
			return root.GenBashCompletionV2(out, true)
		case "zsh":
			return root.GenZshCompletion(out)
		case "fish":
			return root.GenFishCompletion(out, true)
		case "powershell":
			return root.GenPowerShellCompletionWithDesc(out)
		}
		return unknownWord("shell", args[0], shells)
	}
	return c
}
