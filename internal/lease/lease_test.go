package lease

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
)

// service is one that waits for the lease.
type service struct {
	t         *testing.T
	end       context.CancelFunc
	got, lost chan struct{} // it has the lease, it has it no longer
	ended     chan struct{}
}

func start(t *testing.T, w *warehouse.Warehouse, name string, length time.Duration) *service {
	ctx, end := context.WithCancel(t.Context())
	s := &service{t, end, make(chan struct{}), make(chan struct{}), make(chan struct{})}
	go func() {
		defer close(s.ended)
		(&Lease{DB: w, Name: name, For: length}).While(ctx, func(ctx context.Context) {
			s.got <- struct{}{}
			<-ctx.Done()
			s.lost <- struct{}{}
		})
	}()
	t.Cleanup(end)
	return s
}

func (s *service) wait(what string, c <-chan struct{}) {
	s.t.Helper()
	select {
	case <-c:
	case <-time.After(time.Minute):
		s.t.Fatal("not within a minute: " + what)
	}
}

func TestOneAtATime(t *testing.T) {
	w := engine.Migrated(t)
	first := start(t, w, "people", 600*time.Millisecond)
	first.wait("a free lease is had", first.got)
	// Another name is another lease.
	other := start(t, w, "another", time.Hour)
	other.wait("another lease is had", other.got)

	// The second one waits while the first one renews.
	second := start(t, w, "people", 600*time.Millisecond)
	for renewed := terms(t, w); terms(t, w) < renewed+5; {
		select {
		case <-second.got:
			t.Fatal("two have the lease")
		case <-first.lost:
			t.Fatal("the lease is lost although it is renewed")
		case <-time.After(10 * time.Millisecond):
		}
	}
	// It is given back when its holder stops, and the work ends before.
	first.end()
	first.wait("the work ends", first.lost)
	first.wait("the service ends", first.ended)
	second.wait("the lease goes on to the second", second.got)

	// A third one has taken it, as after a long sleep of the second: the second finds out when it wants to renew.
	if err := w.Exec(t.Context(), "INSERT INTO leases SELECT name, max(term) + 10, 'somebody else', now64(3) + INTERVAL 2 SECOND FROM leases FINAL WHERE name = 'people' GROUP BY name"); err != nil {
		t.Fatal(err)
	}
	second.wait("the lease is lost", second.lost)
	// That one is killed: its lease runs out.
	second.wait("a lease that runs out is taken", second.got)
	second.end()
	second.wait("the work ends", second.lost)
	second.wait("the service ends", second.ended)
	other.end()
	other.wait("the work ends", other.lost)
	other.wait("the service ends", other.ended)
	if held, err := ask.Texts(t.Context(), w, "SELECT CAST(name, 'String') FROM leases FINAL WHERE until > now64(3)"); err != nil || len(held) > 0 {
		t.Errorf("still held: %s, %v", held, err)
	}
}

func terms(t *testing.T, w *warehouse.Warehouse) uint64 {
	t.Helper()
	n, err := ask.Number(t.Context(), w, "SELECT max(term) FROM leases WHERE name = 'people'")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Without the database nobody holds anything, and work that goes on ends when the lease has run out.
func TestTheDatabaseGoesAway(t *testing.T) {
	w := engine.Migrated(t)
	s := start(t, w, "people", 600*time.Millisecond)
	s.wait("a free lease is had", s.got)
	for _, rename := range []string{"RENAME TABLE leases TO gone", "RENAME TABLE gone TO leases"} {
		if err := w.Exec(t.Context(), rename); err != nil {
			t.Fatal(err)
		}
		if rename == "RENAME TABLE leases TO gone" {
			s.wait("the work ends", s.lost)
		} else {
			s.wait("the lease is had again", s.got)
		}
	}
	s.end()
	s.wait("the work ends", s.lost)
	s.wait("the service ends", s.ended)
	names, err := ask.Texts(t.Context(), w, "SELECT CAST(name, 'String') FROM leases FINAL")
	if err != nil || !slices.Equal(names, []string{"people"}) {
		t.Errorf("leases of %s: %v", names, err)
	}
}
