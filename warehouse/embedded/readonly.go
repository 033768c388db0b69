package embedded

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// ReadOnlyOptions say who may read over the network and how much one query may use.
type ReadOnlyOptions struct {
	User, Password string // both are required
	Database       string // for queries that name none; default "livello"

	MaxExecutionTime time.Duration // of one query; default 60 s
	MaxMemory        int64         // bytes of one query; default 4 GiB
	MaxResultRows    uint64        // default unlimited
	MaxConcurrent    int           // queries at a time, more are answered 503; default 16
}

// ReadOnly speaks the ClickHouse HTTP interface to other programs: with user and password, reading only, within limits.
// Clients may set what settings.go lists; they cannot reach files, the network or databases other than
// Options.ReadDatabases and system.
func (e *Engine) ReadOnly(o ReadOnlyOptions) (http.Handler, error) {
	if o.User == "" || o.Password == "" {
		return nil, errors.New("read-only SQL endpoint: user and password must both be set")
	}
	if o.Database == "" {
		o.Database = "livello"
	}
	if o.MaxExecutionTime <= 0 {
		o.MaxExecutionTime = 60 * time.Second
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = 4 << 30
	}
	if o.MaxConcurrent <= 0 {
		o.MaxConcurrent = 16
	}
	return &handler{engine: e, door: &readerDoor{
		engine: e, options: o, slots: make(chan struct{}, o.MaxConcurrent),
		user: sha256.Sum256([]byte(o.User)), password: sha256.Sum256([]byte(o.Password)),
	}}, nil
}

type readerDoor struct {
	engine         *Engine
	options        ReadOnlyOptions
	slots          chan struct{}
	user, password [32]byte // hashed, so that comparing takes the same time whatever the length
}

func (d *readerDoor) enter(_ *http.Request, q *request) (func(), error) {
	if !q.hasUser {
		return nil, &exception{code: 194, text: "Code: 194. DB::Exception: user and password are required. (REQUIRED_PASSWORD)"}
	}
	user, password := sha256.Sum256([]byte(q.user)), sha256.Sum256([]byte(q.password))
	if subtle.ConstantTimeCompare(user[:], d.user[:])&subtle.ConstantTimeCompare(password[:], d.password[:]) != 1 {
		return nil, newException(codeAuthentication, "Authentication failed: password is incorrect, or there is no user with such name")
	}
	select {
	case d.slots <- struct{}{}:
		return func() { <-d.slots }, nil
	default:
		return nil, newException(codeTooManyQueries, "Too many simultaneous queries. Maximum: "+strconv.Itoa(cap(d.slots)))
	}
}

func (d *readerDoor) session(ctx context.Context, _ *http.Request, q *request) (*session, func(bool), error) {
	if q.kind == statementInsert {
		return nil, nil, newException(codeReadonly, "Cannot execute query in readonly mode: this endpoint takes SELECT, SHOW, DESCRIBE, EXISTS and EXPLAIN")
	}
	settings, err := d.settings(q)
	if err != nil {
		return nil, nil, err
	}
	if err := d.check(ctx, q); err != nil {
		return nil, nil, err
	}
	database := q.database
	if database == "" {
		database = d.options.Database
	}
	return d.engine.use(ctx, sessionKey(roleReader, database, settings), func(ctx context.Context, s *session) error {
		if err := s.enterDatabase(ctx, database); err != nil {
			return err
		}
		if err := s.set(ctx, settings); err != nil {
			return err
		}
		// From here on the session cannot give itself more: no statement that could is let through by the guard.
		if err := s.exec(ctx, "SET ROLE "+roleReader); err != nil {
			return err
		}
		return s.exec(ctx, "SET readonly = 1")
	})
}

// check asks the guard, on a session that has nothing of the client's in it: a setting such as limit=0 would otherwise hide
// from the guard what it looks for.
func (d *readerDoor) check(ctx context.Context, q *request) error {
	s, done, err := d.engine.use(ctx, "guard", func(context.Context, *session) error { return nil })
	if err != nil {
		return err
	}
	err = d.engine.guard.check(ctx, s, q.text, q.params)
	done(err == nil)
	return err
}
