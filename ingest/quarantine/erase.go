package quarantine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"

	"github.com/livello/livello/internal/durable"
)

// Erase takes the rejected records of the person with these ids out of the files that are set aside, and answers how many. A record is theirs when
// it names one of the ids, or holds one as a JSON text; one that cannot be read is when an id stands anywhere in it. What waits to be inserted is
// not looked at: it is for the table, where it is found.
func (s *Store) Erase(ids []string) (removed int, err error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	if err := s.dropNotes(); err != nil { // they may quote an id
		return 0, err
	}
	for _, a := range s.Refused() {
		n, err := s.eraseFile(a, ids)
		if removed += n; err != nil {
			return removed, fmt.Errorf("erase from rejected records %s: %w", a.ID, err)
		}
	}
	return removed, nil
}

func (s *Store) eraseFile(a Aside, ids []string) (removed int, err error) {
	path := filepath.Join(s.o.Dir, a.Name())
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		s.replace(a, nil)
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var kept []byte
	for line := range bytes.Lines(text) {
		if isOf(line, ids) {
			removed++
			continue
		}
		kept = append(kept, line...)
	}
	quoted := false
	for _, id := range ids {
		quoted = quoted || strings.Contains(a.Refusal.Error, id)
	}
	if removed == 0 && !quoted {
		return 0, nil
	}
	if len(kept) == 0 {
		if _, err := DropFiles(s.o.Dir, a.ID); err != nil {
			return 0, err
		}
		s.replace(a, nil)
		return removed, nil
	}
	if err := durable.WriteFile(path, kept); err != nil {
		return 0, err
	}
	if quoted {
		a.Refusal.Error = "ClickHouse's answer named a person who was erased"
		why, err := json.MarshalIndent(a.Refusal, "", "  ")
		if err != nil {
			return removed, err
		}
		if err := durable.WriteFile(path+".json", append(why, '\n')); err != nil {
			return removed, err
		}
	}
	now := a
	now.Records, now.Bytes = a.Records-removed, int64(len(kept))
	s.replace(a, &now)
	return removed, nil
}

// replace puts now in the place of a, or nothing.
func (s *Store) replace(a Aside, now *Aside) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= a.Bytes
	var all []Aside
	for _, o := range s.aside {
		switch {
		case o.ID != a.ID:
			all = append(all, o)
		case now != nil:
			all = append(all, *now)
			s.bytes += now.Bytes
		}
	}
	s.aside = all
}

// isOf says whether a row is of a person with these ids, as the erasure decides it in the table.
func isOf(line []byte, ids []string) bool {
	var row struct {
		ID                uuid.UUID
		IDs               []string
		Payload, Envelope string
	}
	err := json.Unmarshal(line, &row)
	for _, id := range ids {
		if err != nil {
			if bytes.Contains(line, []byte(id)) {
				return true
			}
			continue
		}
		text := `"` + id + `"`
		if strings.Contains(row.Payload, text) || strings.Contains(row.Envelope, text) {
			return true
		}
		for _, of := range row.IDs {
			if of == id {
				return true
			}
		}
	}
	return false
}
