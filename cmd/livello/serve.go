package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func serveCommand(p *program) *cobra.Command {
	serve := &cobra.Command{
		Use:   "serve",
		Short: "Run the service until SIGTERM or Ctrl-C",
		Long: "Takes events in over HTTP, keeps them, loads them, and answers queries. Every setting is also a flag here; " +
			"a flag comes before the environment (LIVELLO_...), that before the file of --config.",
		Args: cobra.NoArgs,
	}
	check := serve.Flags().Bool("check", false, "validate everything, print the effective configuration, and start nothing")
	settingFlags(serve.Flags())
	serve.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := p.config(cmd)
		if err != nil {
			return err
		}
		if *check {
			return p.checkService(cmd.Context(), &cfg)
		}
		return p.serve(cmd.Context(), &cfg)
	}
	return serve
}

// processors is how many there are for this process, before tuneRuntime has Go take more threads.
var processors = runtime.GOMAXPROCS(0)

// threadsBeside is with how many threads a statement may be answered that goes on beside requests: our processors answer those, too, so it is half of them. A
// server decides by itself, which 0 says.
func (s *service) threadsBeside() int {
	if s.cfg.DSN != "" {
		return 0
	}
	return max(1, processors/2)
}

// tuneRuntime sets what GOMAXPROCS and GOGC would, for whoever has not set them.
//
// Two more goroutines run at once than there are processors: Go lets one that decodes a batch or merges files go on for 10 ms while requests of microseconds
// wait; the kernel, which then decides, puts those first that have slept (docs/performance.md). And memory is collected when half as much was allocated as is in
// use, not as much again: it takes 1 % of the processor, and the engine in this process needs memory more than Go does.
func tuneRuntime() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(processors + 2)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
}

// serve runs until ctx ends (a signal) or a part ends by itself.
func (p *program) serve(ctx context.Context, cfg *Config) error {
	log := p.logger(cfg)
	warnOfStrays(log, os.Environ())
	tuneRuntime()
	s, err := startService(ctx, cfg, log, open)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		log.Info("stopping")
	case err = <-s.failed:
		log.Error("stopping, because a part of the service ended", "error", err)
	}
	err = errors.Join(err, s.stop())
	log.Info("stopped")
	return err
}
