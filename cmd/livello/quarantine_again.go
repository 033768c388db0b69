package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/uuid"

	"github.com/livello/livello/erasure"
	"github.com/livello/livello/internal/ask"
)

// takeAgainPath is on the local socket only: the body of POST /v1/events, made of rejected records, and in a header which ones they are.
const (
	takeAgainPath  = "/local/quarantine/replay"
	headerRejected = "X-Livello-Rejected"
)

// mostReplayed is the size in bytes of a replay's body. What may be sent is decided by limits.body; this only is not to be endless.
const mostReplayed = 256 << 20

// goneError says which of the records are in quarantine still, when some are not: whoever they are of may have been erased.
type goneError struct {
	Left []uuid.UUID `json:"left"`
}

func (*goneError) Error() string {
	return "rejected records were removed while they were to be sent again"
}

// left are the records without those that are gone.
func (e *goneError) left(records []heldRecord) (left []heldRecord) {
	for _, record := range records {
		if slices.Contains(e.Left, record.id) {
			left = append(left, record)
		}
	}
	return left
}

// takeAgain has records of the quarantine decoded and kept as POST /v1/events does, but only while they are in quarantine still, and while nobody is being erased:
// a request may have been on its way, or waited, for longer than a whole erasure, and its records would come back after it.
func (s *service) takeAgain(w http.ResponseWriter, r *http.Request) {
	var ids []string
	for text := range strings.SplitSeq(r.Header.Get(headerRejected), ",") {
		id, err := uuid.Parse(text)
		if err != nil {
			http.Error(w, fmt.Sprintf("%s: %q is no id of a rejected record", headerRejected, text), http.StatusBadRequest)
			return
		}
		ids = append(ids, id.String())
	}
	// Whoever sends slowly must not keep an erasure waiting.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostReplayed))
	if err != nil {
		http.Error(w, "body: "+err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	answer := &recorder{header: http.Header{}, status: http.StatusOK}
	err = s.eraser.Beside(func() error {
		left, err := s.stillRejected(r.Context(), ids)
		if err != nil {
			return err
		}
		if len(left) < len(ids) {
			answer.WriteHeader(http.StatusGone)
			return json.NewEncoder(answer).Encode(goneError{left})
		}
		again := r.Clone(r.Context())
		again.URL.Path, again.Body, again.ContentLength = "/v1/events", io.NopCloser(bytes.NewReader(body)), int64(len(body))
		s.handler.ServeHTTP(answer, again)
		return nil
	})
	switch {
	case errors.Is(err, erasure.ErrAtWork):
		http.Error(w, err.Error(), http.StatusConflict)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	maps.Copy(w.Header(), answer.header)
	w.WriteHeader(answer.status)
	if _, err := answer.body.WriteTo(w); err != nil {
		s.log.Debug("answer not sent", "error", err)
	}
}

// stillRejected answers which of the records are in quarantine still.
func (s *service) stillRejected(ctx context.Context, ids []string) ([]uuid.UUID, error) {
	texts, err := ask.Texts(ctx, s.db, "SELECT DISTINCT toString(id) FROM quarantine WHERE has({ids:Array(UUID)}, id)", driver.NamedValue{Name: "ids", Value: ids})
	if err != nil {
		return nil, fmt.Errorf("look for rejected records: %w", err)
	}
	left := make([]uuid.UUID, len(texts))
	for i, text := range texts {
		if left[i], err = uuid.Parse(text); err != nil {
			return nil, fmt.Errorf("look for rejected records: %w", err)
		}
	}
	return left, nil
}
