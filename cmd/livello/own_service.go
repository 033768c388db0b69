package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/livello/livello/access"
	"github.com/livello/livello/ingest"
	"github.com/livello/livello/ingest/files"
	"github.com/livello/livello/warehouse"
)

// ownService is the service that a command sends through: the one that runs on the folder, or one in this process.
type ownService struct {
	client files.Doer
	key    string                               // its own write key
	open   func() (*warehouse.Warehouse, error) // the database behind it; closed with the service
	close  func() error
}

// useService finds the service that runs on the folder, or starts the same ingest parts in this process.
func (p *program) useService(ctx context.Context, cfg *Config) (*ownService, error) {
	if client := runningService(ctx, cfg.Data); client != nil {
		keys, err := access.Load(cfg.Data)
		if err != nil {
			return nil, fmt.Errorf("keys of %s: %w", cfg.Data, err)
		}
		var db *warehouse.Warehouse
		return &ownService{client: client, key: keys.WriteKey,
			open: func() (*warehouse.Warehouse, error) {
				if db == nil {
					var err error
					if db, err = p.openConfigured(ctx, cfg); err != nil {
						return nil, err
					}
				}
				return db, nil
			},
			close: func() error {
				if db == nil {
					return nil
				}
				return db.Close()
			}}, nil
	}
	quiet := *cfg
	if quiet.Log.Level == "info" {
		quiet.Log.Level = "warn" // the result is on stdout, the bar on stderr
	}
	// A stop in the middle must not cancel the engine under the rows that are being loaded.
	s, err := startService(context.WithoutCancel(ctx), &quiet, p.logger(&quiet), closed)
	if err != nil {
		return nil, err
	}
	return &ownService{client: direct{s.ownHandler()}, key: s.keys.WriteKey,
		open: func() (*warehouse.Warehouse, error) { return s.db, nil }, close: s.stop}, nil
}

// ownHandler is what our own commands on this machine reach: more than the network does, and trusted with more.
func (s *service) ownHandler() http.Handler { return ingest.Local(s.localHandler()) }

// settle returns when everything that was sent before can be queried.
func (o *ownService) settle(ctx context.Context) error { return drain(ctx, o.client) }
