package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// program is what commands share: the world outside, and the flags before the command.
type program struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer

	configFile string
	output     string
}

// newRoot builds the command tree. The flags that every command takes stand here, each command's own in its file.
func newRoot(p *program) *cobra.Command {
	root := &cobra.Command{
		Use:           "livello",
		Short:         "A warehouse for customer engagement on ClickHouse",
		Long:          "Livello keeps what people do on every channel in ClickHouse, embedded or on a server, and answers who is engaged and what marketing is worth.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)

	c := defaults()
	global := root.PersistentFlags()
	global.StringVar(&p.configFile, "config", "", "YAML file with settings (LIVELLO_CONFIG)")
	global.StringVarP(&p.output, "output", "o", "table", "table, json or csv; of query and sql ndjson, too, of sql tsv")
	for _, s := range settings(&c) {
		if slices.Contains([]string{"data", "dsn", "cluster", "engine"}, s.key) {
			global.String(s.flag(), s.text(), s.help+" ("+s.env()+")")
		}
	}

	root.AddCommand(
		serveCommand(p), demoCommand(p), loadCommand(p),
		queryCommand(p), sqlCommand(p), quarantineCommand(p),
		spoolCommand(p), migrateCommand(p), keysCommand(p), eraseCommand(p), dashboardsCommand(p), versionCommand(p),
		verifyCommand(p), rebuildCommand(p), definitionsCommand(p), tiersCommand(p), identityCommand(p),
	)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return fmt.Errorf("%w: `%s --help` lists them", err, c.CommandPath())
	})
	explainArgs(root)
	return root
}

// explainArgs has each command say how it is written when its arguments are not what it takes; cobra says how many there were.
func explainArgs(c *cobra.Command) {
	for _, sub := range c.Commands() {
		explainArgs(sub)
	}
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		err := check(c, args)
		switch {
		case err == nil:
			return nil
		case !c.HasSubCommands() || len(args) == 0:
			return fmt.Errorf("wrong number of arguments: write %s", c.UseLine())
		}
		c.SuggestionsMinimumDistance = 2
		if like := c.SuggestionsFor(args[0]); len(like) > 0 {
			return fmt.Errorf("there is no command %q; did you mean %s?", args[0], like[0])
		}
		return fmt.Errorf("there is no command %q: `%s --help` lists them", args[0], c.CommandPath())
	}
}

// config puts the settings of a command together.
func (p *program) config(cmd *cobra.Command) (Config, error) {
	path := p.configFile
	if path == "" {
		path = p.getenv("LIVELLO_CONFIG")
	}
	return loadConfig(path, p.getenv, cmd.Flags())
}

// format checks -o for commands that print rows.
func (p *program) format(allowed ...string) (string, error) {
	if slices.Contains(allowed, p.output) {
		return p.output, nil
	}
	return "", fmt.Errorf("-o %s: must be %s", p.output, strings.Join(allowed, ", "))
}

// logger writes to stderr: for people on a terminal, JSON for machines.
func (p *program) logger(cfg *Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Log.Level)); err != nil { // validated before
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "text" || cfg.Log.Format == "auto" && isTerminal(p.stderr) {
		return slog.New(slog.NewTextHandler(p.stderr, opts))
	}
	return slog.New(slog.NewJSONHandler(p.stderr, opts))
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
