package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"

	"github.com/spf13/cobra"

	"github.com/livello/livello/warehouse"
	"github.com/livello/livello/warehouse/embedded"
)

// warehouse says where ClickHouse is, in the words of that package.
func (c *Config) warehouse(log *slog.Logger) warehouse.Config {
	w := warehouse.Config{DSN: c.DSN, Engine: c.Engine, Cluster: c.Cluster, Logger: log}
	if c.DSN == "" {
		w.Data = c.Data
	}
	return w
}

// open connects a command to the database of its settings: a server, that of the service that runs on the folder, the engine of the process
// that holds it, or one started here.
func (p *program) open(cmd *cobra.Command) (*warehouse.Warehouse, error) {
	cfg, err := p.config(cmd)
	if err != nil {
		return nil, err
	}
	return p.openConfigured(cmd.Context(), &cfg)
}

// openConfigured connects to the database of cfg. When the service that runs on the folder has a ClickHouse server, that is the one, and cfg says so then.
func (p *program) openConfigured(ctx context.Context, cfg *Config) (*warehouse.Warehouse, error) {
	if cfg.DSN == "" {
		// Opening would make it: a misspelt folder must not become an empty warehouse.
		if _, err := os.Stat(cfg.Data); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no data folder %s: `livello serve` makes it; --data names another one, --dsn a server", cfg.Data)
		}
		cfg.askWhere(ctx)
	}
	db, err := warehouse.Open(ctx, cfg.warehouse(slog.New(slog.DiscardHandler)))
	var held *embedded.HeldError
	if errors.As(err, &held) && cfg.DSN == "" {
		if cfg.askWhere(ctx); cfg.DSN != "" { // it was starting
			return p.openConfigured(ctx, cfg)
		}
		return nil, fmt.Errorf("%w; if it works with a ClickHouse server, name that with --dsn", held)
	}
	return db, cfg.sayAway(ctx, err)
}

// wherePath is on the local socket only, which is open to the user of the service alone: the answer holds the password of the DSN.
const wherePath = "/local/where"

// where is a service's database, when that is a server. It is printed nowhere.
type where struct {
	DSN     string `json:"dsn"`
	Cluster string `json:"cluster"`
}

// askWhere has cfg name the server of the service that runs on the folder. It stays as it is when none runs, or one with an engine of its own.
func (c *Config) askWhere(ctx context.Context) {
	client := runningService(ctx, c.Data)
	if client == nil {
		return
	}
	defer client.CloseIdleConnections()
	asking, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var w where
	if err := askLocal(asking, client, http.MethodGet, wherePath, nil, &w); err == nil && w.DSN != "" { // a service that just ends is as good as none
		c.DSN, c.Cluster = w.DSN, w.Cluster
	}
}

func (s *service) answerWhere(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(where{s.cfg.DSN, s.cfg.Cluster}) // the client is gone
}
