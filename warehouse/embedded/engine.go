package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/google/uuid"
)

// Options say which engine to start and how much of the machine it may use. Zero values mean the defaults.
type Options struct {
	Library string // path of libchdb.so; empty: see Find
	Path    string // the engine's own folder; made if missing

	// ReadDatabases are the databases a ReadOnly handler may read; a trailing * stands for any ending. Default: "livello*".
	ReadDatabases []string

	MaxMemory  int64         // bytes the engine may use in all; default 75 % of the machine's
	CloseGrace time.Duration // what statements that run when Close is called get before they are killed; default 5 s
	Logger     *slog.Logger
}

// Engine is ClickHouse running in this process on one data path.
type Engine struct {
	lib     *library
	log     *slog.Logger
	path    string
	args    []string // what every connection is opened with
	version string
	started time.Time
	grace   time.Duration

	settings map[string]bool // names of all query settings
	guard    guard

	anchor struct { // the connection that keeps the engine up and issues KILL QUERY
		sync.Mutex
		*session
	}

	mu       sync.Mutex
	closing  bool
	sessions map[*session]struct{} // in use
	idle     []*session            // prepared and waiting, newest first
	drained  sync.Cond
}

// running is the process's one engine: the library has a single server in it.
var running struct {
	sync.Mutex
	path string
}

// Open loads the library and starts the engine on o.Path. It fails with a *MissingLibraryError when there is no library,
// and when this process already runs an engine: the library can serve one data path at a time.
func Open(ctx context.Context, o Options) (*Engine, error) {
	if o.Path == "" {
		return nil, errors.New("open engine: no path given")
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	file, err := Find(o.Library)
	if err != nil {
		return nil, err
	}
	running.Lock()
	defer running.Unlock()
	if running.path != "" {
		return nil, fmt.Errorf("open engine on %s: this process already runs one on %s, and the library serves one data path at a time", path, running.path)
	}
	lib, err := load(file)
	if err != nil {
		return nil, err
	}
	e := &Engine{lib: lib, log: o.Logger, path: path, started: time.Now(), sessions: map[*session]struct{}{}}
	e.drained.L = &e.mu
	if e.grace = o.CloseGrace; e.grace <= 0 {
		e.grace = 5 * time.Second
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	config, err := writeConfig(path, o)
	if err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	e.args = []string{"livello", "--path=" + path, "--config-file=" + config,
		"--implicit_select=0", "--allow_introspection_functions=0",
		// On a terminal the engine logs to it: "<Fatal> ThreadStatus: current_thread contains invalid address" at inserts with
		// views (nested thread states, of no consequence) in the middle of our own output.
		"--log-level=none", "--logger.console=false"}
	if err := e.boot(ctx); err != nil {
		return nil, fmt.Errorf("open engine on %s: %w", path, err)
	}
	running.path = path
	e.log.Info("engine started", "library", file, "version", e.version, "path", path, "took", time.Since(e.started).Round(time.Millisecond).String())
	return e, nil
}

// boot makes the first connection, which starts the engine, with the Go runtime's signal handlers put back after it.
func (e *Engine) boot(ctx context.Context) error {
	signals, err := saveSignals()
	if err != nil {
		return err
	}
	e.lib.setSignals(0)
	s, err := e.start(ctx)
	if err == nil {
		err = e.prepare(ctx, s)
		if err != nil {
			s.close()
		}
	}
	if restoreErr := signals.restore(); restoreErr != nil {
		return errors.Join(err, restoreErr)
	}
	if err != nil {
		return err
	}
	e.anchor.session = s
	return nil
}

// prepare reads what handlers need to know of the engine and takes away what must not be used inside a Go process.
func (e *Engine) prepare(ctx context.Context, s *session) error {
	out, _, err := s.query(ctx, "SELECT version(), serverTimezone()", "TSVRaw", nil)
	if err != nil {
		return fmt.Errorf("ask the engine for its version: %w", err)
	}
	version, zone, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
	e.version = version
	if zone != "UTC" && zone != "Etc/UTC" {
		return fmt.Errorf("the engine runs in time zone %s, want UTC: unset TZ before starting", zone)
	}
	// Reading system.stack_trace sends a signal to every thread, Go's too, whose handler for it is not the engine's.
	for _, table := range []string{"stack_trace", "symbols", "jemalloc_profile_text"} {
		if err := s.exec(ctx, "DETACH TABLE IF EXISTS system."+table); err != nil {
			return fmt.Errorf("detach system.%s: %w", table, err)
		}
	}
	if e.settings, err = nameSet(ctx, s, "SELECT name FROM system.settings"); err != nil {
		return err
	}
	functions, err := nameSet(ctx, s, "SELECT name FROM system.table_functions")
	if err != nil {
		return err
	}
	e.guard = newGuard(functions)
	return nil
}

func nameSet(ctx context.Context, s *session, sql string) (map[string]bool, error) {
	out, _, err := s.query(ctx, sql, "TSVRaw", nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	set := map[string]bool{}
	for _, name := range strings.Fields(string(out)) {
		set[name] = true
	}
	return set, nil
}

// Version is ClickHouse's version, such as "26.7.2.1".
func (e *Engine) Version() string { return e.version }

// Path is the engine's own folder.
func (e *Engine) Path() string { return e.path }

// ErrClosed is returned for statements sent to an engine that is being closed.
var ErrClosed = errors.New("the engine is closed")

// open makes a session and counts it, so that Close can wait for it.
func (e *Engine) open() (*session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return nil, ErrClosed
	}
	s, err := e.connect()
	if err != nil {
		return nil, err
	}
	e.sessions[s] = struct{}{}
	return s, nil
}

// errNoConnection is all that the library returns; start finds out more.
var errNoConnection = errors.New("the engine gave no connection")

func (e *Engine) release(s *session) {
	e.mu.Lock()
	delete(e.sessions, s)
	if len(e.sessions) == 0 {
		e.drained.Broadcast()
	}
	e.mu.Unlock()
}

// connect opens a connection. The settings in the arguments are known to be valid: an invalid one makes the library print
// to stderr and give no reason, so settings of a request are SET afterwards. The last of several values of an argument counts.
func (e *Engine) connect(more ...string) (*session, error) {
	s := &session{engine: e, token: uuid.NewString()}
	a := new(carray)
	defer a.free()
	var argv []*byte
	for _, arg := range slices.Concat(e.args, more, []string{"--log_comment=" + s.token}) {
		argv = append(argv, a.bytes(arg))
	}
	a.pin.Pin(&argv[0])
	s.handle = e.lib.connect(int32(len(argv)), unsafe.Pointer(&argv[0]))
	runtime.KeepAlive(argv)
	if s.handle == nil {
		return nil, errNoConnection
	}
	s.conn = *(*uintptr)(s.handle)
	return s, nil
}

// kill ends the statement that carries the token, wherever it is.
func (e *Engine) kill(token string) error {
	e.anchor.Lock()
	defer e.anchor.Unlock()
	if e.anchor.session == nil {
		return ErrClosed
	}
	_, _, err := e.anchor.call("KILL QUERY WHERE startsWith(Settings['log_comment'], {token:String}) ASYNC", "Null",
		[]param{{"token", token}})
	return err
}

// Close lets running statements end, kills those that take longer than Options.CloseGrace, and stops the engine.
func (e *Engine) Close() error {
	e.mu.Lock()
	if e.closing {
		e.mu.Unlock()
		return nil
	}
	e.closing = true
	e.mu.Unlock()
	e.closeIdle()

	idle := make(chan struct{})
	timer := time.AfterFunc(e.grace, func() { e.killAll(idle) })
	e.mu.Lock()
	for len(e.sessions) > 0 {
		e.drained.Wait()
	}
	e.mu.Unlock()
	timer.Stop()
	close(idle)

	e.anchor.Lock()
	s := e.anchor.session
	e.anchor.session = nil
	e.anchor.Unlock()
	running.Lock()
	defer running.Unlock()
	s.close()
	running.path = ""
	e.log.Info("engine stopped", "path", e.path)
	return nil
}

func (e *Engine) killAll(idle <-chan struct{}) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		e.mu.Lock()
		var tokens []string
		for s := range e.sessions {
			tokens = append(tokens, s.token)
		}
		e.mu.Unlock()
		for _, token := range tokens {
			if err := e.kill(token); err != nil {
				return
			}
		}
		select {
		case <-idle:
			return
		case <-ticker.C:
		}
	}
}
