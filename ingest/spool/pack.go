package spool

import (
	"fmt"
	"io"
	"sync"

	"github.com/livello/livello/ingest/event"
)

// Single events make frames of a few rows, and a block costs ClickHouse half a millisecond of processor time before its first row:
// 36 columns, half of them with a dictionary. So small blocks are merged on their way out, which costs a fiftieth of that. ClickHouse
// makes one block of the whole INSERT anyway, so the rows and their order are all that matters to a retry.
const (
	smallBlock  = 500    // rows; larger blocks go as they lie
	packedBlock = 10_000 // rows of a merged block, about
)

// packer writes blocks to w, small ones merged.
type packer struct {
	w       io.Writer
	written int64
	pending *event.Columns
	block   []byte
}

var packers = sync.Pool{New: func() any { return &packer{pending: event.New()} }}

func (p *packer) add(block []byte, rows int) error {
	if rows < smallBlock && p.pending.AppendBlock(block) == nil {
		if p.pending.Rows() < packedBlock {
			return nil
		}
		return p.flush()
	}
	// A large one, or one with the columns of another version.
	if err := p.flush(); err != nil {
		return err
	}
	return p.write(block)
}

func (p *packer) flush() error {
	p.block = p.pending.EncodeBlock(p.block[:0])
	p.pending.Reset()
	return p.write(p.block)
}

func (p *packer) write(block []byte) error {
	if len(block) == 0 {
		return nil
	}
	n, err := p.w.Write(block)
	p.written += int64(n)
	return err
}

// WriteTo writes the segment's events as blocks one after another: the body of an INSERT ... FORMAT Native. It writes the same bytes
// every time.
func (s *Segment) WriteTo(w io.Writer) (written int64, err error) {
	p := packers.Get().(*packer)
	p.w, p.written = w, 0
	if err = s.Blocks(p.add); err == nil {
		if err = p.flush(); err != nil {
			err = fmt.Errorf("read segment %d: %w", s.Number, err)
		}
	}
	p.w = nil
	p.pending.Reset()
	packers.Put(p)
	return p.written, err
}
