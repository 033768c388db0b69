package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/livello/livello/access"
)

// keysCommand prints what opens the doors of a data folder, made when it was first served. Whoever can run it can read keys.json (0600) anyway.
func keysCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "keys",
		Short: "Print the keys of the data folder as JSON",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := p.config(cmd)
			if err != nil {
				return err
			}
			keys, err := access.Load(cfg.Data)
			if errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("%s has no keys yet: they are made when `livello serve` first starts on it (--data names another folder)", cfg.Data)
			}
			if err != nil {
				return fmt.Errorf("keys of %s: %w", cfg.Data, err)
			}
			return indented(p.stdout, keys)
		},
	}
}
