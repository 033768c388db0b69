package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Options say what to load and where to.
type Options struct {
	Paths   []string
	Mapping *Mapping

	Client   Doer   // sends the requests
	BaseURL  string // of the service, such as http://127.0.0.1:8080
	WriteKey string
	// NameSource has the events counted as the mapping's source in place of the write key's. A service takes that from
	// programs of its own machine only.
	NameSource bool

	Batch    int // messages in one request at most; 0 is 2,000. A request is also cut at about 1 MiB.
	InFlight int // requests at a time; 0 is 3

	// GiveUp is for how long a request is tried again while the service is away or busy; 0 is five minutes.
	GiveUp time.Duration

	RejectsDir string                                 // where the files of rejected rows go; "" is beside the loaded file
	Progress   Progress                               // nil is none
	OnRetry    func(reason error, wait time.Duration) // before a request is tried again, from several goroutines; nil is none

	firstWait time.Duration // before the second try; 0 is 200 ms
}

// Result is what a load did. Sent = Accepted + Duplicates + RejectedMessages, unless it was interrupted.
type Result struct {
	Rows             int64         `json:"rows"`              // read
	Skipped          int64         `json:"skipped"`           // rows for which the mapping has no event
	RejectedRows     int64         `json:"rejected_rows"`     // that could not be read or mapped; none of their messages was sent
	Sent             int64         `json:"sent"`              // messages the service answered for
	Accepted         int64         `json:"accepted"`          // messages it took and had not seen before
	Duplicates       int64         `json:"duplicates"`        // messages it had already
	RejectedMessages int64         `json:"rejected_messages"` // messages it refused
	Rejects          []string      `json:"rejects"`           // files that hold the rejected rows, with the reasons
	Elapsed          time.Duration `json:"elapsed_ns"`
}

// Rejected is all that was left out because something is wrong with it: rows and messages.
func (r *Result) Rejected() int64 { return r.RejectedRows + r.RejectedMessages }

func (r *Result) String() string {
	s := fmt.Sprintf("%d rows read, %d messages sent: %d accepted, %d were there already, %d rejected; %.1f s",
		r.Rows, r.Sent, r.Accepted, r.Duplicates, r.RejectedMessages, r.Elapsed.Seconds())
	if r.Skipped > 0 {
		s += fmt.Sprintf("\n%d rows give no event in this mapping", r.Skipped)
	}
	if r.RejectedRows > 0 {
		s += fmt.Sprintf("\n%d rows could not be read", r.RejectedRows)
	}
	if len(r.Rejects) > 0 {
		s += "\nrejected rows and reasons: " + strings.Join(r.Rejects, ", ")
	}
	return s
}

// ErrRejected says that everything was loaded but the rejected rows, which stand in the files that Result.Rejects names.
var ErrRejected = errors.New("some rows were rejected")

const (
	batchBytes    = 1 << 20 // of messages in one request, more or less
	batchRawBytes = 4 << 20 // of rows that are kept for it
)

// Load sends what the mapping makes of the files to the service, in order of the files. All files are checked against the
// mapping before anything is sent. When it returns an error that is not ErrRejected, part of the files may be loaded: load
// them again, what is there already counts as duplicates.
func Load(ctx context.Context, o Options) (Result, error) {
	start := time.Now()
	l, err := newLoader(o)
	if err != nil {
		return Result{}, err
	}
	for _, path := range l.Paths {
		c, err := newConverter(path, l.Mapping, func(int64) {})
		if err != nil {
			return Result{}, err
		}
		l.sizes = append(l.sizes, c.size())
		c.close()
	}
	for i, path := range l.Paths {
		if err = l.load(ctx, path, l.sizes[i]); err != nil {
			break
		}
	}
	l.result.Elapsed = time.Since(start)
	if err == nil && l.result.Rejected() > 0 {
		err = fmt.Errorf("%w: %d of %d rows could not be read, %d of %d messages were refused by the service; see %s", ErrRejected,
			l.result.RejectedRows, l.result.Rows, l.result.RejectedMessages, l.result.Sent, strings.Join(l.result.Rejects, ", "))
	}
	return l.result, err
}

type loader struct {
	Options
	sender *sender
	sizes  []int64

	mu     sync.Mutex // of result, while batches are in flight
	result Result
}

func newLoader(o Options) (*loader, error) {
	switch {
	case len(o.Paths) == 0:
		return nil, errors.New("no file to load")
	case o.Mapping == nil:
		return nil, errors.New("load without a mapping")
	case o.Client == nil:
		return nil, errors.New("load without a client")
	}
	if o.Batch <= 0 {
		o.Batch = 2000
	}
	if o.InFlight <= 0 {
		o.InFlight = 3
	}
	if o.GiveUp <= 0 {
		o.GiveUp = 5 * time.Minute
	}
	if o.firstWait <= 0 {
		o.firstWait = 200 * time.Millisecond
	}
	if o.Progress == nil {
		o.Progress = noProgress{}
	}
	path := "/v1/events"
	if o.Mapping.measures() {
		path, o.InFlight = "/v1/measurements", 1 // one after the other: of two values of the same measurement the later in the file counts
	}
	s := &sender{client: o.Client, url: strings.TrimRight(o.BaseURL, "/") + path, key: o.WriteKey, firstWait: o.firstWait, giveUp: o.GiveUp, onRetry: o.OnRetry}
	if o.NameSource {
		s.source = o.Mapping.Source()
	}
	return &loader{Options: o, sender: s}, nil
}

// load sends one file: this goroutine makes batches, some others send them.
func (l *loader) load(ctx context.Context, path string, size int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.Progress.Start(path, size)
	defer l.Progress.Done()
	c, err := newConverter(path, l.Mapping, l.Progress.Read)
	if err != nil {
		return err
	}
	defer c.close()
	rejects := newRejectsFile(path, l.RejectsDir)

	ready := make(chan *batch)
	free := make(chan *batch, l.InFlight+1)
	for range l.InFlight + 1 {
		free <- new(batch)
	}
	var sending sync.WaitGroup
	for range l.InFlight {
		sending.Go(func() {
			for b := range ready {
				if err := l.send(ctx, b, rejects); err != nil {
					cancel(err) // the first one is what is reported; the others see the context
				}
				free <- b
			}
		})
	}
	err = l.fill(ctx, c, rejects, free, ready)
	close(ready)
	sending.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	l.result.Rows += c.rows
	l.result.Skipped += c.skipped
	l.result.RejectedRows += c.rejected
	file, closeErr := rejects.close(err == nil)
	if file != "" {
		l.result.Rejects = append(l.result.Rejects, file)
	}
	return errors.Join(err, closeErr)
}

// fill makes batches of a file until its end.
func (l *loader) fill(ctx context.Context, c *converter, rejects *rejectsFile, free <-chan *batch, ready chan<- *batch) error {
	for {
		var b *batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		b.reset()
		var err error
		for err == nil && len(b.ends) < l.Batch && len(b.body) < batchBytes && len(b.raw) < batchRawBytes {
			var rejected *Rejected
			rejected, err = b.add(c)
			if rejected != nil {
				err = errors.Join(err, rejects.write(rejected))
			}
		}
		if err != nil && err != io.EOF {
			return err
		}
		if len(b.ends) > 0 {
			select {
			case ready <- b:
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		if err == io.EOF {
			return nil
		}
	}
}

// send posts a batch and counts what became of it.
func (l *loader) send(ctx context.Context, b *batch, rejects *rejectsFile) error {
	var failed error
	err := l.sender.send(ctx, b, 0, len(b.ends), func(from int, a *answer) {
		for _, r := range a.Rejected {
			if err := rejects.write(b.rejected(from+r.Index, r.Field, r.Reason)); err != nil {
				failed = err
			}
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.result.Sent += a.Accepted + a.Duplicates + int64(len(a.Rejected))
		l.result.Accepted += a.Accepted
		l.result.Duplicates += a.Duplicates
		l.result.RejectedMessages += int64(len(a.Rejected))
	})
	return errors.Join(err, failed)
}
