package dedupe

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"github.com/FastFilter/xorfilter"
	"github.com/google/uuid"

	"github.com/livello/livello/internal/durable"
)

// writeRun writes sorted, distinct ids to path (through a temporary file, synced, renamed) and answers the run.
func writeRun(path string, sorted iter.Seq2[uuid.UUID, error]) (_ *run, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), durable.Unfinished+"*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
			_ = os.Remove(file.Name())
		}
	}()
	w := bufio.NewWriterSize(file, 1<<16)
	out := runWriter{w: w, run: &run{path: path, file: file}, page: make([]byte, 0, blockIDs*idBytes)}
	for id, err := range sorted {
		if err != nil {
			return nil, err
		}
		if err := out.add(&id); err != nil {
			return nil, err
		}
	}
	if err := out.end(); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	if err := file.Sync(); err != nil {
		return nil, err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return nil, err
	}
	return out.run, durable.SyncDir(filepath.Dir(path))
}

// runWriter writes a run: its ids as they come, all else at the end.
type runWriter struct {
	*run
	w       io.Writer
	page    []byte   // the block that is being filled
	keys    []uint64 // of the piece that is being filled
	builder xorfilter.BinaryFuseBuilder
}

func (o *runWriter) add(id *uuid.UUID) error {
	o.ids++
	o.keys = append(o.keys, filterKey(id))
	if o.page = append(o.page, id[:]...); len(o.page) < cap(o.page) {
		return nil
	}
	if err := o.endBlock(); err != nil {
		return err
	}
	if len(o.blocks)%pieceBlocks == 0 {
		return o.endPiece()
	}
	return nil
}

func (o *runWriter) endBlock() error {
	if len(o.page) == 0 {
		return nil
	}
	o.blocks = append(o.blocks, block{uuid.UUID(o.page[:idBytes]), crc32.Checksum(o.page, castagnoli)})
	_, err := o.w.Write(o.page)
	o.page = o.page[:0]
	return err
}

func (o *runWriter) endPiece() error {
	if len(o.keys) == 0 {
		return nil
	}
	n := len(o.keys)
	filter, err := xorfilter.BuildBinaryFuse[uint8](&o.builder, o.keys)
	if err != nil {
		return fmt.Errorf("build filter of %d ids: %w", n, err)
	}
	filter.Fingerprints = slices.Clone(filter.Fingerprints) // the next one is built in their place
	o.filters = append(o.filters, &filter)
	o.keys = o.keys[:0]
	return nil
}

// end writes what follows the ids.
func (o *runWriter) end() error {
	if err := errors.Join(o.endBlock(), o.endPiece()); err != nil {
		return err
	}
	sum := crc32.New(castagnoli)
	both := io.MultiWriter(o.w, sum)
	entry := make([]byte, 0, blockBytes)
	for _, b := range o.blocks {
		entry = binary.LittleEndian.AppendUint32(append(entry[:0], b.first[:]...), b.sum)
		if _, err := both.Write(entry); err != nil {
			return err
		}
	}
	for _, filter := range o.filters {
		if err := filter.Save(both); err != nil {
			return err
		}
	}
	footer := binary.LittleEndian.AppendUint64(nil, uint64(o.ids))
	footer = binary.LittleEndian.AppendUint64(footer, uint64(o.ids)*idBytes)
	footer = binary.LittleEndian.AppendUint32(footer, sum.Sum32())
	footer = binary.LittleEndian.AppendUint32(footer, runMagic)
	_, err := o.w.Write(footer)
	return err
}
