package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/livello/livello/ingest/quarantine"
)

// copyRejected writes the first rows of a file of rejected records that is set aside, or all of them when limit is 0: NDJSON, as ClickHouse was sent it.
func (p *program) copyRejected(cmd *cobra.Command, id uuid.UUID, to io.Writer, limit int) error {
	cfg, err := p.config(cmd)
	if err != nil {
		return err
	}
	file, err := quarantine.OpenFile(quarantineFolder(&cfg), id)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no rejected records %s are set aside in %s: `livello spool list` shows what is there", id, quarantineFolder(&cfg))
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	if limit == 0 {
		_, err = io.Copy(to, file)
		return err
	}
	lines := bufio.NewReader(file)
	for range limit {
		line, err := lines.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) { // a row may be longer than the buffer
			if _, err := to.Write(line); err != nil {
				return err
			}
			line, err = lines.ReadSlice('\n')
		}
		if _, err := to.Write(line); err != nil {
			return err
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return fmt.Errorf("read rejected records %s: %w", id, err)
		}
	}
	return nil
}

// exportRejected writes a file that is whole or said not to be; an existing one is not replaced.
func (p *program) exportRejected(cmd *cobra.Command, id uuid.UUID, path string) error {
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("export rejected records %s: %w", id, err)
	}
	if err := errors.Join(p.copyRejected(cmd, id, out, 0), out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("export rejected records %s: %w (%s holds what could be read)", id, err, path)
	}
	fmt.Fprintln(p.stderr, "rejected records written; ClickHouse takes them with INSERT INTO quarantine FORMAT JSONEachRow")
	return nil
}
