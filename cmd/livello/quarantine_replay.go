package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/livello/livello/ingest"
	"github.com/livello/livello/warehouse"
)

func replayCommand(p *program) *cobra.Command {
	var which rejectedFilter
	replay := &cobra.Command{
		Use:   "replay",
		Short: "Send rejected records again; what is taken is not sent a second time",
		Long: "Sends records as they came, oldest first, through the ingest path of the service that runs on the folder, or of this process\n" +
			"when none does: with their source, their time of arrival, their batch's context. What is rejected again stays.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.replayRejected(cmd, which) },
	}
	which.flags(replay, 0)
	return replay
}

// replayResult is what became of the records.
type replayResult struct {
	Sent       int            `json:"sent"`
	Accepted   int            `json:"accepted"`
	Duplicates int            `json:"duplicates"` // they had come in another way meanwhile
	Rejected   int            `json:"rejected"`   // again
	Unsendable int            `json:"unsendable"` // not kept whole, or no JSON
	Reasons    map[string]int `json:"reasons"`    // of those rejected again
}

func (p *program) replayRejected(cmd *cobra.Command, which rejectedFilter) (err error) {
	format, err := p.format("table", "json")
	if err != nil {
		return err
	}
	if _, err := which.bind(cmd.Context(), nil); err != nil { // before anything is started for nothing
		return err
	}
	cfg, err := p.config(cmd)
	if err != nil {
		return err
	}
	if runningService(cmd.Context(), cfg.Data) == nil {
		if err := besideErasure(cfg.Data); err != nil {
			return err
		}
	}
	service, err := p.useService(cmd.Context(), &cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, service.close()) }()
	db, err := service.open()
	if err != nil {
		return err
	}
	if err := service.settle(cmd.Context()); err != nil { // what was rejected a moment ago is meant, too
		return err
	}
	r := &replayer{service: service, db: db, which: which, result: replayResult{Reasons: map[string]int{}},
		say: func(why string) { fmt.Fprintln(p.stderr, "waiting:", why) }}
	if err := r.run(cmd.Context()); err != nil {
		return fmt.Errorf("%w; taken before that: %s; replay again to go on", err, counted(r.result.Accepted+r.result.Duplicates, "record"))
	}
	if err := service.settle(cmd.Context()); err != nil {
		return err
	}
	if format == "json" {
		return indented(p.stdout, r.result)
	}
	r.result.print(p.stdout)
	return nil
}

func (r *replayResult) print(w io.Writer) {
	fmt.Fprintf(w, "%s sent again: %d accepted, %d were there already, %d rejected again\n", counted(r.Sent, "record"), r.Accepted, r.Duplicates, r.Rejected)
	reasons := make([]string, 0, len(r.Reasons))
	for reason := range r.Reasons {
		reasons = append(reasons, reason)
	}
	slices.SortFunc(reasons, func(a, b string) int { return r.Reasons[b] - r.Reasons[a] })
	for _, reason := range reasons[:min(len(reasons), 10)] {
		fmt.Fprintf(w, "  %d: %s\n", r.Reasons[reason], printable(reason))
	}
	if r.Unsendable > 0 {
		fmt.Fprintf(w, "%d cannot be sent again, because they are no JSON or were not kept whole\n", r.Unsendable)
	}
}

// heldRecord is a rejected record as it is sent again.
type heldRecord struct {
	id, request               uuid.UUID
	at                        time.Time
	index                     uint32
	source, route, payload    string
	envelope, ip, agent, code string
	cut                       bool
}

// replayer sends records of the quarantine again, in the order in which they came.
type replayer struct {
	service *ownService
	db      *warehouse.Warehouse
	which   rejectedFilter
	until   time.Time
	result  replayResult
	say     func(why string) // told once why the service makes it wait; nil: nobody is
}

// replayPage is how many records are held in memory.
const replayPage = 200

func (r *replayer) run(ctx context.Context) error {
	r.until = time.Now() // what is rejected meanwhile is not meant
	last := heldRecord{at: time.Unix(0, 0)}
	for {
		page, err := r.page(ctx, last)
		if err != nil {
			return fmt.Errorf("read quarantine: %w", err)
		}
		if len(page) == 0 {
			return nil
		}
		last = page[len(page)-1]
		sendable := page[:0]
		for _, record := range page {
			switch {
			case record.cut || record.code == "syntax":
				r.result.Unsendable++
			case r.which.limit == 0 || r.result.Sent+len(sendable) < r.which.limit:
				sendable = append(sendable, record)
			}
		}
		for len(sendable) > 0 { // those of a request share what they are sent with
			n := 1
			for n < len(sendable) && sendable[n].request == sendable[0].request {
				n++
			}
			if err := r.send(ctx, sendable[:n]); err != nil {
				return err
			}
			sendable = sendable[n:]
		}
		if r.which.limit > 0 && r.result.Sent >= r.which.limit {
			return nil
		}
	}
}

// page reads the records after last that were not taken yet.
func (r *replayer) page(ctx context.Context, last heldRecord) ([]heldRecord, error) {
	ctx, err := r.which.bind(ctx, clickhouse.Parameters{"last_at": last.at.UTC().Format(clickhouseTime),
		"last_request": last.request.String(), "last_index": fmt.Sprint(last.index), "last_id": last.id.String(), "until": r.until.UTC().Format(clickhouseTime)})
	if err != nil {
		return nil, err
	}
	rows, err := r.db.Query(ctx, `SELECT id, request, at, record_index, source, route, payload, envelope, ip, user_agent, code, payload_cut FROM quarantine
		WHERE `+rejectedCondition+` AND at <= {until:DateTime64(3, 'UTC')} AND id NOT IN (SELECT id FROM quarantine_replays)
			AND (at, request, record_index, id) > ({last_at:DateTime64(3, 'UTC')}, {last_request:UUID}, {last_index:UInt32}, {last_id:UUID})
		ORDER BY at, request, record_index, id LIMIT `+fmt.Sprint(replayPage))
	if err != nil {
		return nil, err
	}
	var page []heldRecord
	for rows.Next() {
		var h heldRecord
		if err := rows.Scan(&h.id, &h.request, &h.at, &h.index, &h.source, &h.route, &h.payload, &h.envelope, &h.ip, &h.agent, &h.code, &h.cut); err != nil {
			return nil, errors.Join(err, rows.Close())
		}
		page = append(page, h)
	}
	return page, errors.Join(rows.Err(), rows.Close())
}

// send sends records of one request, and notes those that are taken. A request that is refused as a whole is halved, until
// the record that is at fault stands alone.
func (r *replayer) send(ctx context.Context, records []heldRecord) error {
	answer, refused, err := r.post(ctx, records)
	var gone *goneError
	if errors.As(err, &gone) {
		left := gone.left(records)
		if len(left) == 0 {
			return nil
		}
		return r.send(ctx, left)
	}
	if err != nil {
		return err
	}
	if refused != "" && len(records) > 1 {
		if err := r.send(ctx, records[:len(records)/2]); err != nil {
			return err
		}
		return r.send(ctx, records[len(records)/2:])
	}
	again := map[int]bool{}
	if refused != "" {
		again[0] = true
		r.result.Reasons[refused]++
	}
	for _, reject := range answer.Rejected {
		again[reject.Index] = true
		r.result.Reasons[strings.TrimSpace(reject.Field+" "+reject.Reason)]++
	}
	r.result.Sent += len(records)
	r.result.Accepted += answer.Accepted
	r.result.Duplicates += answer.Duplicates
	r.result.Rejected += len(again)
	var taken strings.Builder
	now := time.Now().UTC().Format(clickhouseTime)
	for i, record := range records {
		if !again[i] {
			fmt.Fprintf(&taken, "{\"id\":%q,\"at\":%q,\"request\":%q}\n", record.id, now, record.request)
		}
	}
	if taken.Len() == 0 {
		return nil
	}
	// The events are on disk. If this fails they are sent once more, and are duplicates then.
	if err := r.db.InsertFormat(ctx, "JSONEachRow", "INSERT INTO quarantine_replays (id, at, request)", strings.NewReader(taken.String())); err != nil {
		return fmt.Errorf("note what was taken: %w", err)
	}
	return nil
}

// replayAnswer is that of POST /v1/events.
type replayAnswer struct {
	Accepted   int `json:"accepted"`
	Duplicates int `json:"duplicates"`
	Rejected   []struct {
		Index         int
		Field, Reason string
	} `json:"rejected"`
}

// post sends records in one request until the service answers for them; refused is why it takes none of them as they are.
func (r *replayer) post(ctx context.Context, records []heldRecord) (answer replayAnswer, refused string, err error) {
	first := &records[0]
	replay := ingest.Replay{ReceivedAt: first.at, IP: first.ip}
	if typ := strings.TrimPrefix(first.route, "/v1/"); typ != "batch" && typ != "b" && typ != "import" && typ != "events" {
		replay.Type = typ
	}
	header, err := json.Marshal(replay)
	if err != nil {
		return answer, "", err
	}
	body, ids := replayBody(records), make([]string, len(records))
	for i := range records {
		ids[i] = records[i].id.String()
	}
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval = 200*time.Millisecond, 10*time.Second
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, localURL+takeAgainPath, strings.NewReader(body))
		if err != nil {
			return struct{}{}, backoff.Permanent(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+r.service.key)
		req.Header.Set("User-Agent", headerText(first.agent))
		req.Header.Set(ingest.HeaderSource, first.source)
		req.Header.Set(ingest.HeaderReplay, string(header))
		req.Header.Set(headerRejected, strings.Join(ids, ","))
		resp, err := r.service.client.Do(req)
		if err != nil {
			return struct{}{}, err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
		if err != nil {
			return struct{}{}, err
		}
		switch code := resp.StatusCode; {
		case code == http.StatusAccepted:
			if err := json.Unmarshal(text, &answer); err != nil {
				return struct{}{}, backoff.Permanent(fmt.Errorf("read the answer of the service: %w", err))
			}
			if n := answer.Accepted + answer.Duplicates + len(answer.Rejected); n != len(records) {
				return struct{}{}, backoff.Permanent(fmt.Errorf("the service was sent %d records and accounts for %d", len(records), n))
			}
			return struct{}{}, nil
		case code == http.StatusGone:
			gone := new(goneError)
			if err := json.Unmarshal(text, gone); err != nil {
				return struct{}{}, backoff.Permanent(fmt.Errorf("read the answer of the service: %w", err))
			}
			return struct{}{}, backoff.Permanent(gone)
		case code == http.StatusConflict: // an erasure may take minutes
			why := strings.TrimSpace(string(text))
			if r.say != nil {
				r.say(why)
				r.say = nil
			}
			return struct{}{}, errors.New(why)
		case code == http.StatusTooManyRequests || code >= 500:
			return struct{}{}, fmt.Errorf("the service answers %s: %s", resp.Status, strings.TrimSpace(string(text)))
		case code == http.StatusBadRequest || code == http.StatusRequestEntityTooLarge:
			refused = strings.TrimSpace(string(text))
			return struct{}{}, nil
		default:
			return struct{}{}, backoff.Permanent(fmt.Errorf("the service answers %s: %s", resp.Status, strings.TrimSpace(string(text))))
		}
	}, backoff.WithBackOff(waits), backoff.WithMaxElapsedTime(5*time.Minute))
	if err != nil {
		return answer, "", fmt.Errorf("send again: %w", err)
	}
	return answer, refused, nil
}

// replayBody puts records together as they came: in a batch, when that said something for all of them, or in an array.
func replayBody(records []heldRecord) string {
	var b strings.Builder
	end := "]"
	if envelope := strings.TrimSuffix(records[0].envelope, "}"); envelope != "" {
		b.WriteString(envelope + `,"batch":`)
		end = "]}"
	}
	for i := range records {
		b.WriteByte("[,"[min(i, 1)])
		b.WriteString(records[i].payload)
	}
	return b.String() + end
}

// headerText is text without what a header must not hold.
func headerText(text string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c == 0x7f {
			return -1
		}
		return c
	}, text)
}
