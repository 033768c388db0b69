package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"
)

// insertChunk is how much of an insert's data is handed to the engine at a time. The engine copies it and makes the caller
// wait while it is behind, so an insert of any size needs a few of these and the block being built.
const insertChunk = 256 << 10

var chunks = sync.Pool{New: func() any { return new([insertChunk]byte) }}

// insert streams data into the table of an INSERT statement without FORMAT clause. sql may have a SETTINGS clause. Nothing
// is committed when ctx ends or data fails before its end; what the engine had already written as whole blocks stays, as
// with any ClickHouse insert, which is why retries carry a deduplication token.
func (s *session) insert(ctx context.Context, sql, format string, params []param, data io.Reader) (stats, error) {
	var st stats
	err := s.interruptible(ctx, func() error {
		var err error
		st, err = s.insertCall(ctx, sql, format, params, data)
		return err
	})
	return st, err
}

func (s *session) insertCall(ctx context.Context, sql, format string, params []param, data io.Reader) (stats, error) {
	lib, begin := s.engine.lib, time.Now()
	text, form, a := []byte(sql), []byte(format), newCArray(params)
	stream := lib.insert(s.conn, pointer(text), uintptr(len(text)), pointer(form), uintptr(len(form)),
		a.namesP, a.nameLensP, a.valuesP, a.valLenP, uintptr(len(params)))
	runtime.KeepAlive(text)
	runtime.KeepAlive(form)
	a.free()
	if stream == 0 {
		return stats{}, errors.New("the engine opened no insert")
	}
	defer lib.insertDestroy(stream)
	if msg := lib.insertError(stream); msg != "" {
		return stats{elapsed: time.Since(begin)}, parseException(msg)
	}

	pooled := chunks.Get().(*[insertChunk]byte)
	defer chunks.Put(pooled)
	buf := pooled[:]
	for {
		n, err := readChunk(data, buf)
		if err != nil && !errors.Is(err, io.EOF) {
			lib.insertCancel(stream)
			return stats{}, fmt.Errorf("read data of the insert: %w", err)
		}
		if ctx.Err() != nil {
			lib.insertCancel(stream)
			return stats{}, ctx.Err()
		}
		if n > 0 && lib.insertAppend(stream, pointer(buf), uintptr(n)) != 0 {
			break // the engine has failed; done has the reason
		}
		if err != nil {
			break
		}
	}
	runtime.KeepAlive(buf)
	_, st, err := s.take(lib.insertDone(stream), begin)
	return st, err
}

// readChunk fills buf as far as the data comes: one append costs the engine a wake-up, so small network reads are
// gathered.
func readChunk(r io.Reader, buf []byte) (int, error) {
	n := 0
	for n < len(buf) {
		m, err := r.Read(buf[n:])
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
