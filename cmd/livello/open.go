package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/livello/livello/warehouse"
)

// warehouse says where ClickHouse is, in the words of that package.
func (c *Config) warehouse(log *slog.Logger) warehouse.Config {
	w := warehouse.Config{DSN: c.DSN, Engine: c.Engine, Cluster: c.Cluster, Logger: log}
	if c.DSN == "" {
		w.Data = c.Data
	}
	return w
}

// open connects a command to the database of its settings: a server, the engine of the process that holds the folder, or
// one started here.
func (p *program) open(cmd *cobra.Command) (*warehouse.Warehouse, error) {
	cfg, err := p.config(cmd)
	if err != nil {
		return nil, err
	}
	return p.openConfigured(cmd.Context(), &cfg)
}

func (p *program) openConfigured(ctx context.Context, cfg *Config) (*warehouse.Warehouse, error) {
	if cfg.DSN == "" {
		// Opening would make it: a misspelt folder must not become an empty warehouse.
		if _, err := os.Stat(cfg.Data); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no data folder %s: `livello serve` makes it; --data names another one, --dsn a server", cfg.Data)
		}
	}
	db, err := warehouse.Open(ctx, cfg.warehouse(slog.New(slog.DiscardHandler)))
	return db, cfg.sayAway(ctx, err)
}
