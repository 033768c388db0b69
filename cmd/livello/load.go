package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/livello/livello/access"
	"github.com/livello/livello/ingest/files"
)

func loadCommand(p *program) *cobra.Command {
	load := &cobra.Command{
		Use:     "load --mapping MAP.yaml FILE...",
		Short:   "Load files as events; loading a file again changes nothing",
		Long:    "Turns rows of CSV, TSV, NDJSON or Parquet files (plain, gzip or zstd) into events as the mapping says, and sends them through\nthe ingest path of the service that runs on the folder, or of this process when none does. It ends when all of it can be queried.",
		Example: "  livello load --mapping examples/cdnow.yaml CDNOW_master.txt",
		Args:    cobra.MinimumNArgs(1),
	}
	mapping := load.Flags().StringP("mapping", "m", "", "how rows become events (docs/load.md)")
	rejects := load.Flags().String("rejects", "", "folder for files of rejected rows; default: beside the loaded file")
	load.RunE = func(cmd *cobra.Command, args []string) error {
		if *mapping == "" {
			return errors.New("--mapping is missing: it says which column is what (docs/load.md; examples/ has some)")
		}
		m, err := files.LoadMapping(*mapping)
		if err != nil {
			return err
		}
		cfg, err := p.config(cmd)
		if err != nil {
			return err
		}
		return p.load(cmd.Context(), &cfg, files.Options{Paths: args, Mapping: m, RejectsDir: *rejects, Progress: files.NewBar(p.stderr),
			OnRetry: func(reason error, wait time.Duration) {
				fmt.Fprintf(p.stderr, "trying again in %s: %v\n", wait.Round(time.Millisecond), reason)
			}})
	}
	return load
}

// load sends the files to the running service, or starts the same ingest parts in this process, and waits until what it
// sent can be queried.
func (p *program) load(ctx context.Context, cfg *Config, o files.Options) error {
	var settled func(context.Context) error
	if client := runningService(ctx, cfg.Data); client != nil {
		keys, err := access.Load(cfg.Data)
		if err != nil {
			return fmt.Errorf("keys of %s: %w", cfg.Data, err)
		}
		o.Client, o.WriteKey = client, keys.WriteKey
		settled = func(ctx context.Context) error { return drain(ctx, client) }
	} else {
		quiet := *cfg
		if quiet.Log.Level == "info" {
			quiet.Log.Level = "warn" // the result is on stdout, the bar on stderr
		}
		// A stop in the middle must not cancel the engine under the rows that are being loaded.
		s, err := startService(context.WithoutCancel(ctx), &quiet, p.logger(&quiet), closed)
		if err != nil {
			return err
		}
		defer func() {
			if err := s.stop(); err != nil {
				fmt.Fprintln(p.stderr, "livello: "+err.Error())
			}
		}()
		o.Client, o.WriteKey = direct{s.handler}, s.keys.WriteKey
		settled = s.waitLoaded
	}
	o.BaseURL = localURL
	result, err := files.Load(ctx, o)
	if err != nil && !errors.Is(err, files.ErrRejected) {
		return err
	}
	if err := settled(ctx); err != nil {
		return err
	}
	if p.output == "json" {
		return errors.Join(indented(p.stdout, result), err)
	}
	fmt.Fprintln(p.stdout, result.String())
	return err
}
