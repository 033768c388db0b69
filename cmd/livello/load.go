package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

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

// load sends the files to the running service, or to one in this process, and waits until what it sent can be queried.
func (p *program) load(ctx context.Context, cfg *Config, o files.Options) (err error) {
	service, err := p.useService(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.close()) }()
	o.Client, o.WriteKey, o.NameSource = service.client, service.key, true
	o.BaseURL = localURL
	result, err := files.Load(ctx, o)
	if err != nil && !errors.Is(err, files.ErrRejected) {
		return err
	}
	if err := service.settle(ctx); err != nil {
		return err
	}
	if err := computeMetrics(ctx, service.client); err != nil {
		return err
	}
	if p.output == "json" {
		return errors.Join(indented(p.stdout, result), err)
	}
	fmt.Fprintln(p.stdout, result.String())
	return err
}
