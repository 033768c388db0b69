package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/livello/livello/dashboards"
)

func dashboardsCommand(p *program) *cobra.Command {
	write := &cobra.Command{
		Use:   "dashboards",
		Short: "Write the Grafana boards as JSON",
		Args:  cobra.NoArgs,
	}
	out := write.Flags().String("out", "dashboards", "folder to write to; the boards go into json/ below it")
	write.RunE = func(*cobra.Command, []string) error {
		paths, err := dashboards.Write(*out)
		for _, path := range paths {
			fmt.Fprintln(p.stdout, path)
		}
		return err
	}
	return write
}
