package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/livello/livello/definitions"
	"github.com/livello/livello/schema"
	"github.com/livello/livello/warehouse"
)

// readRows reads all events as NDJSON, in pieces, in the order in which they came.
func readRows(ctx context.Context, w *warehouse.Warehouse) ([][]byte, error) {
	body, err := w.QueryFormat(ctx, "JSONEachRow", "SELECT * FROM events ORDER BY received_at, ts")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	all, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var pieces [][]byte
	for len(all) > 0 {
		end, rows := 0, 0
		for end < len(all) && rows < rowsPerPiece {
			end += bytes.IndexByte(all[end:], '\n') + 1
			rows++
		}
		pieces = append(pieces, all[:end])
		all = all[end:]
	}
	return pieces, nil
}

// ourSettings are the settings of the loader's INSERT that make it cheaper.
const ourSettings = " SETTINGS optimize_on_insert = 0"

// runBare loads the rows into a fresh folder with the same tables and views and answers how long the inserts took.
func runBare(ctx context.Context, work string, rows [][]byte, events int, settings string) (took time.Duration, err error) {
	data, err := os.MkdirTemp(work, "bare-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(data)
	w, err := warehouse.Open(ctx, warehouse.Config{Data: data, Exclusive: true})
	if err != nil {
		return 0, err
	}
	defer w.Close()
	if _, err := schema.Up(ctx, w, schema.Options{}); err != nil {
		return 0, err
	}
	if err := definitions.Ensure(ctx, w); err != nil { // the same views as the service has
		return 0, err
	}
	began := time.Now()
	for _, piece := range rows {
		if err := w.InsertFormat(ctx, "JSONEachRow", "INSERT INTO events"+settings, bytes.NewReader(piece)); err != nil {
			return 0, err
		}
	}
	took = time.Since(began)
	var stored uint64
	if err := w.QueryRow(ctx, "SELECT count() FROM events").Scan(&stored); err != nil {
		return 0, err
	}
	if stored != uint64(events) {
		return 0, fmt.Errorf("%d events are stored, %d were sent", stored, events)
	}
	return took, nil
}
