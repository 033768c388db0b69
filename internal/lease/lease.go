// Package lease has one of several services on a database do what one of them is enough for: whoever holds the lease of that name in the table
// leases, and says so again and again. When its holder ends, another one takes over: within a third of its time if it ended well, otherwise when the lease has run out.
//
// It saves work, and keeps two from writing at once most of the time. It is no lock: two who take a free lease in the same moment both believe to have it
// until one of them renews it, and one that is stopped in the middle of a statement (SIGSTOP, a machine that sleeps) may end that statement when another one
// has long taken over. So what is done under it must be right when it is done twice, and what came in between must be found by whoever is next.
package lease

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"github.com/livello/livello/internal/ask"
	"github.com/livello/livello/internal/background"
)

// DB is what this package needs of a connection; clickhouse-go's driver.Conn is one.
type DB interface {
	ask.DB
	Exec(ctx context.Context, query string, args ...any) error
}

// Lease is one of a name. DB and Name are needed.
type Lease struct {
	DB     DB
	Name   string
	For    time.Duration // it is taken for so long, and renewed after a third of that; 0: 15 s
	Logger *slog.Logger  // nil: nothing is logged

	holder string
}

// give is how long giving it back may take when the service stops.
const give = 2 * time.Second

// While has work go on while the lease is held, until ctx ends: work begins when the lease was got, and its context ends when it was lost. Then the lease is
// waited for again.
func (l *Lease) While(ctx context.Context, work func(context.Context)) {
	if l.For == 0 {
		l.For = 15 * time.Second
	}
	if l.Logger == nil {
		l.Logger = slog.New(slog.DiscardHandler)
	}
	host, _ := os.Hostname() // it is for people to read: the id tells holders apart
	l.holder = fmt.Sprintf("%s, process %d, %s", host, os.Getpid(), uuid.New())
	standing, failing := false, false
	for {
		asked := time.Now()
		mine, err := l.take(ctx, l.For)
		switch {
		case ctx.Err() != nil:
			if mine {
				l.giveBack(ctx)
			}
			return
		case err != nil && !failing:
			l.Logger.Warn("nobody knows which service is to do this; trying again", "what", l.Name, "error", err)
		case err == nil && !mine && !standing:
			l.Logger.Info("another service on this database does this; standing by", "what", l.Name)
		}
		failing, standing = err != nil, err == nil && !mine
		if mine {
			l.hold(ctx, asked, work)
			continue
		}
		if background.Sleep(ctx, l.For/3) != nil {
			return
		}
	}
}

// hold has work go on until the lease, taken at asked, is lost or ctx ends.
func (l *Lease) hold(ctx context.Context, asked time.Time, work func(context.Context)) {
	working, lose := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		work(working)
	}()
	defer func() {
		lose()
		<-ended
		if ctx.Err() != nil {
			l.giveBack(ctx)
		}
	}()
	until := asked.Add(l.For)
	for background.Sleep(ctx, l.For/3) == nil {
		renewing, cancel := context.WithDeadline(ctx, until)
		asked := time.Now()
		mine, err := l.take(renewing, l.For)
		cancel()
		switch {
		case err == nil && mine:
			until = asked.Add(l.For)
		case ctx.Err() == nil && (err == nil || !time.Now().Before(until)):
			l.Logger.Warn("another service on this database does this now", "what", l.Name, "error", err)
			return
		}
	}
}

// giveBack ends the lease, so that another one need not wait for its end.
func (l *Lease) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), give)
	defer cancel()
	if _, err := l.take(ctx, 0); err != nil {
		l.Logger.Debug("a lease is not given back; it runs out by itself", "what", l.Name, "error", err)
	}
}

// take takes or renews the lease for a time, unless another one has it, and says whether it is ours. The clock is that of the database.
func (l *Lease) take(ctx context.Context, length time.Duration) (mine bool, err error) {
	args := []any{clickhouse.Named("name", l.Name), clickhouse.Named("holder", l.holder), clickhouse.Named("length", length.Milliseconds())}
	err = l.DB.Exec(ctx, `INSERT INTO leases (name, term, holder, until)
SELECT
    {name:String},
    max(term) + 1,
    {holder:String},
    now64(3, 'UTC') + toIntervalMillisecond({length:Int64})
FROM leases FINAL
WHERE name = {name:String}
HAVING count() = 0 OR any(holder) = {holder:String} OR any(until) <= now64(3, 'UTC')
SETTINGS async_insert = 0`, args...)
	if err != nil {
		return false, fmt.Errorf("take the lease of %s: %w", l.Name, err)
	}
	n, err := ask.Number(ctx, l.DB, "SELECT count() FROM leases FINAL WHERE name = {name:String} AND holder = {holder:String}", args[:2]...)
	if err != nil {
		return false, fmt.Errorf("look who has the lease of %s: %w", l.Name, err)
	}
	return n > 0, nil
}
