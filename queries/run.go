package queries

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/livello/livello/internal/handwritten"
)

// DB is the database as this package sees it: driver.Conn of clickhouse-go over HTTP has this method.
type DB interface {
	QueryFormat(ctx context.Context, format string, query string, args ...any) (io.ReadCloser, error)
}

// Limits bound what one question may cost. Passing one is an error with its name, never a shorter answer.
type Limits struct {
	Time   time.Duration // running time in the database
	Rows   int           // rows of the answer
	Memory int64         // bytes of memory in the database
}

// DefaultLimits are used where a [Runner] has none.
var DefaultLimits = Limits{Time: 60 * time.Second, Rows: 1_000_000, Memory: 4 << 30}

// Runner answers questions of a catalogue. The zero value of all but DB works; it is safe for concurrent use.
type Runner struct {
	DB     DB
	Set    *Set             // nil is the built-in catalogue
	Limits Limits           // zero fields are those of DefaultLimits
	Now    func() time.Time // what "now" means; nil is time.Now
}

// Run answers one query of the built-in catalogue with the default limits; see [Runner.Run].
func Run(ctx context.Context, db DB, name string, params map[string]string, format string, w io.Writer) error {
	return Runner{DB: db}.Run(ctx, name, params, format, w)
}

// Run writes the answer to w in one of [Formats]. Parameters are checked against the header, resolved ("now-90d" becomes a
// time) and bound by the driver; nothing of them becomes SQL text. What the caller can mend is an [*Error]. The answer is
// streamed: when an error comes after the first rows, w has seen those.
func (r Runner) Run(ctx context.Context, name string, params map[string]string, format string, w io.Writer) error {
	set, err := r.set()
	if err != nil {
		return err
	}
	q, err := set.Get(name)
	if err != nil {
		return err
	}
	f, err := formatByName(format)
	if err != nil {
		return err
	}
	args, err := q.bind(params, r.now())
	if err != nil {
		return err
	}
	explain := func(err error) error {
		if cause := ctx.Err(); cause != nil {
			return fmt.Errorf("run query %s: %w", q.Name, cause)
		}
		return r.explain(q, err)
	}
	running, cancel := context.WithCancel(ctx)
	defer cancel() // stops the statement when w fails before the end
	running = clickhouse.Context(running, clickhouse.WithSettings(r.settings(f)))
	answer, err := r.DB.QueryFormat(running, f.clickhouse, q.SQL, args...)
	if err != nil {
		return explain(err)
	}
	_, err = io.Copy(w, readErrors{answer, explain})
	if err == nil {
		return answer.Close()
	}
	cancel()
	if closeErr := answer.Close(); closeErr != nil && !errors.Is(closeErr, context.Canceled) {
		err = errors.Join(err, closeErr)
	}
	return err
}

func (r Runner) set() (*Set, error) {
	if r.Set != nil {
		return r.Set, nil
	}
	return Catalogue()
}

func (r Runner) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}

func (r Runner) limits() Limits {
	l := r.Limits
	if l.Time <= 0 {
		l.Time = DefaultLimits.Time
	}
	if l.Rows <= 0 {
		l.Rows = DefaultLimits.Rows
	}
	if l.Memory <= 0 {
		l.Memory = DefaultLimits.Memory
	}
	return l
}

// settings hold for this statement only. readonly = 2 refuses every write and still lets a connection set its limits; the
// text of the statement is ours, so no SETTINGS of a caller can come in.
func (r Runner) settings(f format) clickhouse.Settings {
	l := r.limits()
	s := clickhouse.Settings{
		"readonly":             2,
		"max_execution_time":   l.Time.Seconds(),
		"max_result_rows":      l.Rows,
		"result_overflow_mode": "throw",
		"max_memory_usage":     l.Memory,
		"session_timezone":     "UTC",
	}
	for name, value := range f.settings {
		s[name] = value
	}
	return s
}

// bind checks the caller's values and returns one named argument per declared parameter.
func (q Query) bind(given map[string]string, now time.Time) ([]any, error) {
	for name := range given {
		if _, ok := q.Param(name); !ok {
			return nil, q.unknownParam(name)
		}
	}
	args := make([]any, 0, len(q.Params))
	bound := make(map[string]any, len(q.Params))
	for _, p := range q.Params {
		text, ok := given[p.Name]
		if !ok && p.Required {
			return nil, &Error{Code: CodeMissingParam, Field: p.Name, Message: "this parameter of " + q.Name + " is required",
				Help: fmt.Sprintf("%s, %s", p.Type, p.Doc)}
		}
		if !ok {
			text = p.Default
		}
		v, err := p.value(text, now)
		if err != nil {
			return nil, err
		}
		bound[p.Name] = v
		args = append(args, clickhouse.Named(p.Name, v))
	}
	// Both are text of one layout in UTC, so they compare as the times they are.
	from, hasFrom := bound["from"].(string)
	to, hasTo := bound["to"].(string)
	if hasFrom && hasTo && from >= to {
		return nil, &Error{Code: CodeInvalidParam, Field: "from", Message: fmt.Sprintf("from (%s) is not before to (%s)", from, to),
			Help: "the range is from, inclusive, to to, exclusive"}
	}
	return args, nil
}

func (q Query) unknownParam(name string) error {
	known := make([]string, 0, len(q.Params))
	for _, p := range q.Params {
		known = append(known, p.Name)
	}
	help := q.Name + " takes no parameters"
	if near := handwritten.Nearest(name, known); len(near) > 0 {
		help = "did you mean " + strings.Join(near, " or ") + "?"
	} else if len(known) > 0 {
		help = q.Name + " takes " + strings.Join(known, ", ")
	}
	return &Error{Code: CodeUnknownParam, Field: clip(name), Message: "there is no such parameter", Help: help}
}

// Codes of ClickHouse for what a caller can mend.
const (
	tooManyRows       = 158
	timeoutExceeded   = 159
	tooSlow           = 160
	memoryLimit       = 241
	throwIf           = 395
	tooManyRowsOrByte = 396
)

// refusal is the text a query gave to throwIf: "param: what is wrong; the way out".
var refusal = regexp.MustCompile(`refused: ([a-z_]+): ([^;:]+); ([^;:]+)`)

// explain turns the database's limits into an [*Error]; other errors say which query failed.
func (r Runner) explain(q Query, err error) error {
	var ex *clickhouse.Exception
	if !errors.As(err, &ex) {
		return fmt.Errorf("run query %s: %w", q.Name, err)
	}
	l := r.limits()
	switch ex.Code {
	case tooManyRows, tooManyRowsOrByte:
		return &Error{Code: CodeTooManyRows, Message: fmt.Sprintf("the answer of %s has more than %d rows", q.Name, l.Rows),
			Help: "ask for a shorter time range or a lower limit", cause: err}
	case timeoutExceeded, tooSlow:
		return &Error{Code: CodeTooSlow, Message: fmt.Sprintf("%s took more than %s", q.Name, l.Time),
			Help: "ask for a shorter time range", cause: err}
	case memoryLimit:
		return &Error{Code: CodeTooMuchMemory, Message: q.Name + " needs more memory than one question may take",
			Help: "ask for a shorter time range", cause: err}
	case throwIf:
		if m := refusal.FindStringSubmatch(ex.Message); m != nil {
			return &Error{Code: CodeInvalidParam, Field: m[1], Message: m[2], Help: m[3], cause: err}
		}
	}
	return fmt.Errorf("run query %s: %w", q.Name, err)
}

// readErrors explains errors of the reader, so that they can be told from errors of the writer.
type readErrors struct {
	io.Reader
	explain func(error) error
}

func (r readErrors) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = r.explain(err)
	}
	return n, err
}
