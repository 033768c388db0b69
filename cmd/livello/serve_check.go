package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/livello/livello/access"
	"github.com/livello/livello/schema"
	"github.com/livello/livello/warehouse"
	"github.com/livello/livello/warehouse/embedded"
)

// finding is what one check of --check says when it is content.
type finding struct {
	name string
	look func(context.Context, *Config) (string, error)
}

// checkService says of everything `serve` needs whether it is there, prints the effective configuration, and changes nothing.
// Settings were validated before.
func (p *program) checkService(ctx context.Context, cfg *Config) error {
	if err := cfg.print(p.stdout); err != nil {
		return err
	}
	var bad int
	for _, f := range []finding{
		{"engine", checkEngine}, {"data folder", checkFolder}, {"keys", checkKeysFile}, {"definitions", checkDefinitions}, {"ports", checkPorts}, {"schema", checkSchema},
	} {
		said, err := f.look(ctx, cfg)
		if err != nil {
			bad++
			said = "FAILS: " + err.Error()
		}
		fmt.Fprintf(p.stdout, "# %-12s %s\n", f.name, said)
	}
	if found := strays(os.Environ()); len(found) > 0 {
		fmt.Fprintf(p.stdout, "# %-12s these variables are no settings and are ignored: %s\n", "environment", strings.Join(found, ", "))
	}
	if bad > 0 {
		return fmt.Errorf("%d of the checks failed", bad)
	}
	return nil
}

func checkEngine(_ context.Context, cfg *Config) (string, error) {
	if cfg.DSN != "" {
		return "a server, by dsn", nil
	}
	path, err := embedded.Find(cfg.Engine)
	if err != nil {
		return "", err
	}
	return "embedded, " + path, nil
}

// checkFolder writes a file where it can; a folder that does not exist yet is looked for upwards to the first that does.
func checkFolder(_ context.Context, cfg *Config) (string, error) {
	dir, note := cfg.Data, ""
	for {
		_, err := os.Stat(dir)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return "", err
		}
		dir, note = filepath.Dir(dir), " will be made"
	}
	file, err := os.CreateTemp(dir, ".livello-check-")
	if err != nil {
		return "", fmt.Errorf("not writable: %w", err)
	}
	err = errors.Join(file.Close(), os.Remove(file.Name()))
	return cfg.Data + note, err
}

func checkKeysFile(_ context.Context, cfg *Config) (string, error) {
	_, err := access.Load(cfg.Data)
	if errors.Is(err, fs.ErrNotExist) {
		return "will be made", nil
	}
	return "there", err
}

func checkDefinitions(_ context.Context, cfg *Config) (string, error) {
	if cfg.Definitions == "" {
		return "the newest that was applied", nil
	}
	_, err := readDefinitions(cfg.Definitions)
	return cfg.Definitions, err
}

func checkPorts(ctx context.Context, cfg *Config) (string, error) {
	if runningService(ctx, cfg.Data) != nil {
		return "held by the service that runs on this folder", nil
	}
	for _, l := range []struct{ setting, addr string }{{"listen", cfg.Listen}, {"sql.listen", cfg.SQL.Listen}} {
		if l.addr == "" {
			continue
		}
		opened, err := listen(l.setting, l.addr)
		if err != nil {
			return "", err
		}
		opened.Close()
	}
	return "free", nil
}

// checkSchema asks what the start would migrate. A new folder is not opened: that would make it.
func checkSchema(ctx context.Context, cfg *Config) (string, error) {
	if cfg.DSN == "" {
		if _, err := os.Stat(filepath.Join(cfg.Data, "engine")); errors.Is(err, fs.ErrNotExist) {
			return "new: every migration will be applied", nil
		}
	}
	db, err := warehouse.Open(ctx, cfg.warehouse(slog.New(slog.DiscardHandler)))
	if err != nil {
		return "", err
	}
	steps, err := schema.Plan(ctx, db, schema.Options{Cluster: cfg.Cluster})
	if err = errors.Join(err, db.Close()); err != nil {
		return "", err
	}
	if len(steps) == 0 {
		return "up to date", nil
	}
	return fmt.Sprintf("%d statements will be applied (livello migrate plan shows them)", len(steps)), nil
}
