package spool

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/internal/blocktest"
)

// blockWriter keeps each Write: WriteTo makes one for every block.
type blockWriter struct{ blocks [][]byte }

func (w *blockWriter) Write(p []byte) (int, error) {
	w.blocks = append(w.blocks, bytes.Clone(p))
	return len(p), nil
}

// Small blocks leave the segment as one, large ones as they lie, and the events keep their order.
func TestSmallBlocksLeaveAsOne(t *testing.T) {
	r := start(t, memoryDir(t), Options{})
	large := make([]uuid.UUID, smallBlock)
	for i := range large {
		large[i] = uuid.New()
	}
	var want []map[string]string
	for _, ids := range [][]uuid.UUID{{uuid.New()}, {uuid.New(), uuid.New()}, {uuid.New()}, large, {uuid.New()}, {uuid.New()}} {
		c := block(ids...)
		want = append(want, blocktest.Rows(t, c.EncodeBlock(nil))...)
		if _, _, err := r.Append(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	seg, err := r.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var out blockWriter
	written, err := seg.WriteTo(&out)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.blocks) != 3 {
		t.Errorf("%d blocks were written, want the small ones before, the large one and the small ones after it", len(out.blocks))
	}
	var got []map[string]string
	length := 0
	for _, b := range out.blocks {
		length += len(b)
		got = append(got, blocktest.Rows(t, b)...)
	}
	if written != int64(length) {
		t.Errorf("WriteTo says %d bytes, it wrote %d", written, length)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-appended +written)\n%s", diff)
	}
	var again blockWriter
	if _, err := seg.WriteTo(&again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(out.blocks, again.blocks); diff != "" {
		t.Error("the second attempt's bytes differ from the first's")
	}
}

// A block with other columns, as an older version wrote it, goes as it lies, in its place.
func TestABlockOfAnotherVersionGoesAsItLies(t *testing.T) {
	one, two := block(uuid.New()).EncodeBlock(nil), block(uuid.New()).EncodeBlock(nil)
	older := bytes.Replace(one, []byte("machine"), []byte("mochine"), 1)
	var out blockWriter
	p := &packer{w: &out, pending: event.New()}
	for _, b := range [][]byte{one, two, older, two} {
		if err := p.add(b, 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.flush(); err != nil {
		t.Fatal(err)
	}
	var rows []uint64
	for _, b := range out.blocks {
		_, n := binary.Uvarint(b)
		count, _ := binary.Uvarint(b[n:])
		rows = append(rows, count)
	}
	if diff := cmp.Diff([]uint64{2, 1, 1}, rows); diff != "" {
		t.Errorf("rows of the blocks (-want +got)\n%s", diff)
	}
	if !bytes.Equal(out.blocks[1], older) {
		t.Error("the older block was changed")
	}
}
