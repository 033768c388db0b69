package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// session is one connection to the engine. It runs one statement at a time; see pool.go for what becomes of it after a
// request.
type session struct {
	engine *Engine
	key    string         // how it was prepared
	handle unsafe.Pointer // chdb_connection *, what connect gave and close wants
	conn   uintptr        // the chdb_connection in it, what every other call wants
	token  string         // marks this session's statements in system.processes, as log_comment
}

// stats is what a statement did, as the X-ClickHouse-Summary header reports it.
type stats struct {
	resultRows, resultBytes   uint64
	readRows, readBytes       uint64
	writtenRows, writtenBytes uint64
	elapsed                   time.Duration
}

func (s *session) close() {
	s.engine.lib.closeConn(s.handle)
	s.engine.release(s)
}

// query runs one statement and returns its whole output in the given format. The output of statements other than SELECT
// is small; a SELECT of unknown size goes through stream. When ctx ends first, the statement is killed and ctx's error
// returned.
func (s *session) query(ctx context.Context, sql, format string, params []param) ([]byte, stats, error) {
	var out []byte
	var st stats
	err := s.interruptible(ctx, func() error {
		var err error
		out, st, err = s.call(sql, format, params)
		return err
	})
	return out, st, err
}

// exec runs a statement that has no output worth reading.
func (s *session) exec(ctx context.Context, sql string) error {
	_, _, err := s.query(ctx, sql, "Null", nil)
	return err
}

// call blocks its thread until the statement has ended.
func (s *session) call(sql, format string, params []param) ([]byte, stats, error) {
	lib, begin := s.engine.lib, time.Now()
	text, form := []byte(sql), []byte(format)
	var result uintptr
	if len(params) == 0 {
		result = lib.query(s.conn, pointer(text), uintptr(len(text)), pointer(form), uintptr(len(form)))
	} else {
		a := newCArray(params)
		result = lib.queryParams(s.conn, pointer(text), uintptr(len(text)), pointer(form), uintptr(len(form)),
			a.namesP, a.nameLensP, a.valuesP, a.valLenP, uintptr(len(params)))
		a.free()
		runtime.KeepAlive(a)
	}
	runtime.KeepAlive(text)
	runtime.KeepAlive(form)
	return s.take(result, begin)
}

// take copies what a result holds and frees it.
func (s *session) take(result uintptr, begin time.Time) ([]byte, stats, error) {
	lib := s.engine.lib
	if result == 0 {
		return nil, stats{}, errors.New("the engine returned no result")
	}
	defer lib.destroyResult(result)
	if msg := lib.resultError(result); msg != "" {
		return nil, stats{elapsed: time.Since(begin)}, parseException(msg)
	}
	st := stats{
		resultRows: lib.rowsResult(result), resultBytes: lib.bytesResult(result),
		readRows: lib.rowsRead(result), readBytes: lib.bytesRead(result),
		writtenRows: lib.rowsWritten(result), writtenBytes: lib.bytesWritten(result),
		elapsed: time.Since(begin),
	}
	n := lib.resultLength(result)
	if n == 0 {
		return nil, st, nil
	}
	out := make([]byte, n)
	copy(out, unsafe.Slice(lib.resultBuffer(result), n))
	return out, st, nil
}

// stream runs a SELECT and gives its formatted output as it is produced. The caller reads the pipe to its end (see abandon),
// calls wait, which says how the statement ended, and closes the pipe; an error may come after part of the output.
func (s *session) stream(ctx context.Context, sel selectText, format string, params []param) (out *os.File, wait func() (stats, error), err error) {
	out, write, err := newPipe()
	if err != nil {
		return nil, nil, err
	}
	sql := sel.into(fmt.Sprintf("%s/%d", descriptorFolder, write), format)
	type end struct {
		stats
		err error
	}
	done := make(chan end, 1)
	go func() {
		var st stats
		err := s.interruptible(ctx, func() error {
			var err error
			_, st, err = s.call(sql, format, params)
			return err
		})
		// The engine opened the pipe by its name and has closed its own end by now; ours is the last one.
		syscall.Close(write)
		done <- end{st, err}
	}()
	return out, func() (stats, error) {
		e := <-done
		done <- e
		return e.stats, e.err
	}, nil
}

// pipeSize is asked of the kernel for result pipes, so that the engine and the reader switch less often.
const pipeSize = 1 << 20

// newPipe returns the reading end as a file that goroutines can wait on, and the writing end as a bare descriptor: the
// engine opens that one again by name, and it must block when the pipe is full.
func newPipe() (*os.File, int, error) {
	var p [2]int
	syscall.ForkLock.RLock()
	err := syscall.Pipe(p[:])
	if err == nil {
		syscall.CloseOnExec(p[0])
		syscall.CloseOnExec(p[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, 0, fmt.Errorf("make pipe for the result: %w", err)
	}
	if err := syscall.SetNonblock(p[0], true); err != nil {
		syscall.Close(p[0])
		syscall.Close(p[1])
		return nil, 0, fmt.Errorf("make pipe for the result: %w", err)
	}
	growPipe(p[1])
	return os.NewFile(uintptr(p[0]), "result"), p[1], nil
}

// interruptible runs call and, when ctx ends before it, kills the session's statement until call has returned.
func (s *session) interruptible(ctx context.Context, call func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return call()
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-done:
		case <-ctx.Done():
			s.killUntil(done)
		}
	}()
	err := call()
	close(done)
	<-stopped
	if ctxErr := ctx.Err(); ctxErr != nil && err != nil {
		return fmt.Errorf("%w (%v)", ctxErr, firstLine(err.Error()))
	}
	return err
}

// killUntil repeats KILL QUERY: the first one can come before the engine has registered the statement.
func (s *session) killUntil(done <-chan struct{}) {
	wait := 10 * time.Millisecond
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		case <-timer.C:
		}
		if err := s.engine.kill(s.token); err != nil {
			s.engine.log.Warn("kill abandoned query", "error", err)
		}
		if wait < time.Second {
			wait *= 2
		}
		timer.Reset(wait)
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
