package loader

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/livello/livello/ingest/spool"
	"github.com/livello/livello/test/flaky"
)

// eventually waits for what no notification says.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// A ClickHouse that answers every probe and takes long over an INSERT is noticed long before the INSERT is given up: in the log once, in a
// metric, and by whoever asks Slow. Nothing fails meanwhile, and the segment is loaded at its first attempt.
func TestASlowInsertIsSaid(t *testing.T) {
	w, through, p := behindProxy(t)
	s := newSpool(t, spool.Options{Linger: time.Millisecond})
	log, registry, goOn := &journal{}, prometheus.NewRegistry(), make(chan struct{})
	p.Inserts(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		<-goOn
		forward.ServeHTTP(w, r)
	})
	l := run(t, Options{Spool: s, DB: through, Registry: registry, Logger: slog.New(slog.NewTextHandler(log, nil)),
		ProbeTimeout: 500 * time.Millisecond, SlowAfter: time.Second})
	const metric, said, done = "livello_loader_attempt_seconds", "ClickHouse takes long over a segment", "ClickHouse has taken the segment"
	if seconds := value(t, registry, metric); seconds != 0 {
		t.Errorf("nothing is being loaded, and has been for %v s", seconds)
	}
	add(t, s, acts(50))
	eventually(t, "the line in the log", func() bool { return log.count(said) > 0 })
	eventually(t, "two probes beside the INSERT", func() bool { return p.Counts().Requests-p.Counts().Inserts >= 2 })
	if segment, running := l.Slow(); segment != 1 || running < time.Second {
		t.Errorf("slow is segment %d for %s", segment, running)
	}
	if seconds := value(t, registry, metric); seconds < 1 {
		t.Errorf("the INSERT has been running for %v s, says the metric", seconds)
	}
	if reason, _ := l.Failing(); reason != nil {
		t.Errorf("failing is %v", reason)
	}
	close(goOn)
	drain(t, s)
	eventually(t, "the end in the log", func() bool { return log.count(done) > 0 })
	if segment, running := l.Slow(); segment != 0 || running != 0 {
		t.Errorf("slow is still segment %d for %s", segment, running)
	}
	if seconds := value(t, registry, metric); seconds != 0 {
		t.Errorf("all is loaded, and an INSERT has been running for %v s", seconds)
	}
	add(t, s, acts(30)) // one that does not take long
	drain(t, s)
	counted(t, w, 80)
	if n := log.count(said); n != 1 || p.Counts().Inserts != 2 {
		t.Errorf("said %d times in %d attempts at two segments:\n%s", n, p.Counts().Inserts, log.text.String())
	}
}

// ClickHouse does an INSERT and answers too late, or gets half of it and waits for the rest: the attempt ends by AttemptTimeout, the next one sends
// the same again, and every event counts once.
func TestInsertsThatTimeOut(t *testing.T) {
	for name, late := range map[string]flaky.Action{
		"done, and answered too late": func(_ http.ResponseWriter, r *http.Request, forward http.Handler) {
			forward.ServeHTTP(httptest.NewRecorder(), r)
			<-r.Context().Done()
		},
		"half sent, then frozen": freezeHalf,
	} {
		t.Run(name, func(t *testing.T) {
			w, through, p := behindProxy(t)
			s := newSpool(t, spool.Options{Linger: time.Millisecond})
			var attempts atomic.Int64
			p.Inserts(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
				if attempts.Add(1)%3 == 0 {
					forward.ServeHTTP(w, r)
					return
				}
				late(w, r, forward)
			})
			log := &journal{}
			l := run(t, Options{Spool: s, DB: through, AttemptTimeout: time.Second, Logger: slog.New(slog.NewTextHandler(log, nil))})
			add(t, s, acts(50))
			eventually(t, "the timeout", func() bool { reason, _ := l.Failing(); return reason != nil })
			if reason, since := l.Failing(); !Unreachable(reason) || since.IsZero() {
				t.Errorf("failing is %v since %v", reason, since)
			}
			drain(t, s)
			if attempts.Load() != 3 || log.count("loading fails") != 2 {
				t.Errorf("%d attempts, want two that time out and one:\n%s", attempts.Load(), log.text.String())
			}
			counted(t, w, 50)
		})
	}
}

// freezeHalf has ClickHouse get half of the body; then nothing moves until the client goes away.
func freezeHalf(_ http.ResponseWriter, r *http.Request, forward http.Handler) {
	whole, err := io.ReadAll(r.Body) // net/http notices that a client is gone only once its body is read
	if err != nil {
		return
	}
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(whole[:len(whole)/2]), frozen{r.Context()}))
	forward.ServeHTTP(httptest.NewRecorder(), r)
}

// frozen gives nothing until ctx ends.
type frozen struct{ ctx context.Context }

func (f frozen) Read([]byte) (int, error) {
	<-f.ctx.Done()
	return 0, f.ctx.Err()
}
