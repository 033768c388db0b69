package measurements

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// DB is what this package needs of a connection.
type DB interface {
	InsertFormat(ctx context.Context, format, query string, data io.Reader) error
}

// insert keeps a correction to an earlier value from looking like a repetition of it.
const insert = `INSERT INTO measurements (kind, channel, campaign, ts, value, currency, source, received_at)
SETTINGS async_insert = 0, insert_deduplicate = 0, max_partitions_per_insert_block = 0`

// Store writes measurements. When it returns nil they are on disk; when it returns an error some of them may be, and all may be
// stored again. received tells which of two values of the same measurement is the later one.
func Store(ctx context.Context, db DB, source string, received time.Time, all []Measurement) error {
	var rows bytes.Buffer
	for i := range all {
		m := &all[i]
		line, err := json.Marshal(struct {
			Kind       string `json:"kind"`
			Channel    string `json:"channel"`
			Campaign   string `json:"campaign"`
			TS         string `json:"ts"`
			Value      string `json:"value"`
			Currency   string `json:"currency"`
			Source     string `json:"source"`
			ReceivedAt string `json:"received_at"`
		}{m.Kind, m.Channel, m.Campaign, m.Time.Format(timeLayout), m.Value.String(), m.Currency, source, received.UTC().Format(timeLayout)})
		if err != nil {
			return fmt.Errorf("encode measurement: %w", err)
		}
		rows.Write(append(line, '\n'))
	}
	if err := db.InsertFormat(ctx, "JSONEachRow", insert, &rows); err != nil {
		return fmt.Errorf("insert %d measurements: %w", len(all), err)
	}
	return nil
}
