package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// door is one way in: who may come, what they may set and run. The HTTP interface behind it is the same.
type door interface {
	// enter authenticates a request and takes a place among those that run; leave gives it back.
	enter(r *http.Request, q *request) (leave func(), err error)
	// session looks at a statement before it runs and gives a session with the settings, rights and limits it runs under.
	session(ctx context.Context, r *http.Request, q *request) (s *session, done func(keep bool), err error)
}

// Handler speaks the ClickHouse HTTP interface with full rights and asks for no password: it is meant for this process
// (see Transport) and for a socket that only this user can open, never for a network port.
func (e *Engine) Handler() http.Handler { return &handler{engine: e, door: ownerDoor{e}} }

// ownerDoor lets everything in.
type ownerDoor struct{ engine *Engine }

func (ownerDoor) enter(*http.Request, *request) (func(), error) { return func() {}, nil }

func (d ownerDoor) session(ctx context.Context, r *http.Request, q *request) (*session, func(bool), error) {
	if q.session != "" {
		return nil, nil, newException(codeNotImplemented, "session_id is not supported by the embedded engine: each request has a session of its own; send settings as URL parameters")
	}
	if q.role {
		return nil, nil, newException(codeNotImplemented, "role is not supported by the embedded engine")
	}
	settings := slices.Clone(q.settings)
	// As on a server, GET must not change anything: links are followed by programs that mean no harm.
	if r.Method != http.MethodPost && !hasSetting(settings, "readonly") {
		settings = append(settings, param{"readonly", "2"})
	}
	return d.engine.use(ctx, sessionKey(roleOwner, q.database, settings), func(ctx context.Context, s *session) error {
		if err := s.enterDatabase(ctx, q.database); err != nil {
			return err
		}
		for i, p := range settings {
			if p.name == "log_comment" { // the beginning of it is how a statement is found again to be killed
				settings[i].value = s.token + " " + p.value
			}
		}
		return s.set(ctx, settings)
	})
}

// enterDatabase makes unqualified names mean the tables of database; the engine's own default is called default.
func (s *session) enterDatabase(ctx context.Context, database string) error {
	if database == "" {
		return nil
	}
	return s.exec(ctx, "USE "+quoteIdentifier(database))
}

func hasSetting(settings []param, name string) bool {
	for _, p := range settings {
		if p.name == name {
			return true
		}
	}
	return false
}

// set applies settings in one statement, so that the engine checks them as a whole and names the one it refuses.
func (s *session) set(ctx context.Context, settings []param) error {
	if len(settings) == 0 {
		return nil
	}
	var sql strings.Builder
	for i, p := range settings {
		if !validFormatName(p.name) {
			return newException(codeUnknownSetting, fmt.Sprintf("Unknown setting '%s'", p.name))
		}
		if i == 0 {
			sql.WriteString("SET ")
		} else {
			sql.WriteString(", ")
		}
		sql.WriteString(p.name + " = " + quoteString(p.value))
	}
	return s.exec(ctx, sql.String())
}

func quoteString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func quoteIdentifier(s string) string {
	return "`" + strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(s) + "`"
}

// handler is the HTTP interface behind a door.
type handler struct {
	engine *Engine
	door   door
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "use GET or POST", http.StatusMethodNotAllowed)
		return
	}
	switch {
	case r.URL.Path == "/ping", r.URL.Path == "/replicas_status",
		(r.URL.Path == "/" || r.URL.Path == "") && r.Method != http.MethodPost && !strings.Contains(r.URL.RawQuery, "query="):
		w.Header().Set("Content-Type", "text/html; charset=UTF-8")
		_, _ = w.Write([]byte("Ok.\n"))
		return
	case r.URL.Path != "/" && r.URL.Path != "":
		http.Error(w, fmt.Sprintf("There is no handle %s\n\nSend queries to /, or try /ping", r.URL.Path), http.StatusNotFound)
		return
	}

	q, err := readHead(r)
	if q.queryID == "" {
		q.queryID = uuid.NewString()
	}
	a := newAnswer(w, r, q, h.engine)
	// Who asks comes first: a stranger's body is not read, and nobody is told what was wrong with it.
	leave, doorErr := h.door.enter(r, q)
	if doorErr != nil {
		a.fail(doorErr)
		return
	}
	defer leave()
	if err == nil {
		err = q.readBody(r)
	}
	if err != nil {
		a.fail(err)
		return
	}
	if err := h.run(r.Context(), r, q, a); err != nil {
		if r.Context().Err() != nil {
			err = newException(codeQueryCancelled, "Query was cancelled: the client went away")
		}
		a.fail(err)
	}
}

// run executes the statement of q and writes its result. An error that comes back was not yet written.
func (h *handler) run(ctx context.Context, r *http.Request, q *request, a *answer) error {
	if q.kind == statementEmpty {
		return newException(codeSyntaxError, "Syntax error: Empty query")
	}
	if isHello(q) {
		return h.hello(q, a)
	}
	s, done, err := h.door.session(ctx, r, q)
	if err != nil {
		return err
	}
	keep := false
	defer func() { done(keep) }() // also when finish breaks the response off by panicking
	switch q.kind {
	case statementSelect:
		keep, err = h.runSelect(ctx, s, q, a)
	case statementInsert:
		keep, err = h.runInsert(ctx, s, q, a)
	default:
		err = h.runOther(ctx, s, q, a) // it may have been SET or USE
	}
	return err
}

// runOther runs a statement as it is; the engine honours its FORMAT clause.
func (h *handler) runOther(ctx context.Context, s *session, q *request, a *answer) error {
	out, st, err := s.query(ctx, q.text, q.format, q.params)
	if err != nil {
		return err
	}
	a.begin(q.outputFormat(), &st)
	if _, err := a.Write(out); err != nil {
		return nil // the client has gone; there is nobody to tell
	}
	return a.finish(nil)
}

// runSelect says whether the session is as it was before.
func (h *handler) runSelect(ctx context.Context, s *session, q *request, a *answer) (keep bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out, wait, err := s.stream(ctx, q.sel, q.format, q.params)
	if err != nil {
		return false, err
	}
	defer out.Close()
	keep, err = a.copyFrom(out, wait, q.outputFormat(), cancel)
	var exc *exception
	if errors.As(err, &exc) && exc.code == codeSyntaxError && !a.begun {
		// Run it as it was written: the message then speaks of the client's text, and if only the place of INTO OUTFILE
		// was misjudged, it works.
		return false, h.runOther(ctx, s, q, a)
	}
	return keep, err
}

// runInsert says whether the session is as it was before.
func (h *handler) runInsert(ctx context.Context, s *session, q *request, a *answer) (keep bool, err error) {
	format := q.statement.format
	if format == "" {
		return false, h.runOther(ctx, s, q, a) // neither VALUES nor FORMAT nor SELECT: the engine says what it expected
	}
	var st stats
	if format == "Values" && q.dataAll && len(q.params) > 0 {
		// Parameters inside the VALUES are only bound when the statement runs as a whole.
		var values []byte
		if values, err = readAll(q.data); err == nil {
			_, st, err = s.query(ctx, q.text+" VALUES "+string(values), "Null", q.params)
		}
	} else {
		st, err = s.insert(ctx, q.text, format, q.params, q.data)
	}
	if err != nil {
		return false, err
	}
	a.begin(format, &st)
	return true, a.finish(nil)
}

// outputFormat is the format the result will have.
func (q *request) outputFormat() string {
	if q.statement.format != "" {
		return q.statement.format
	}
	return q.format
}
