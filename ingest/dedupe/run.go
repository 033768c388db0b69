package dedupe

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"math/bits"
	"os"
	"path/filepath"
	"sort"

	"github.com/FastFilter/xorfilter"
	"github.com/google/uuid"

	"github.com/livello/livello/internal/durable"
)

// run is an immutable, sorted set of ids in a file. In memory it costs a filter (about 9 bits an id; one id in 256 that
// is not there passes it) and 20 bytes for each block of 256 ids; a look-up that passes the filter reads one block of 4 KiB.
//
// The file: the ids in blocks, then per block its first id and CRC-32C, then the filter, then a footer of
// ids u64, start of the block list u64, CRC-32C of everything from there to the footer u32, magic u32, little-endian.
type run struct {
	path   string
	file   *os.File
	ids    int
	blocks []block
	filter *xorfilter.BinaryFuse[uint8]
}

type block struct {
	first uuid.UUID
	sum   uint32
}

const (
	idBytes     = 16
	blockIDs    = 256
	blockBytes  = idBytes + 4 // of the block list
	footerBytes = 8 + 8 + 4 + 4
	runMagic    = 0x31444c4c // "LLD1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// filterKey folds an id into the 64 bits that the filter sees. All bits of the id count: ids that begin with a time
// differ only in their second half.
func filterKey(id *uuid.UUID) uint64 {
	high, low := binary.LittleEndian.Uint64(id[:8]), binary.LittleEndian.Uint64(id[8:])
	return bits.RotateLeft64(high*0x9e3779b97f4a7c15, 32) ^ low
}

// writeRun writes sorted, distinct ids to path (through a temporary file, synced, renamed) and opens the result.
// upTo is at least the number of ids.
func writeRun(path string, sorted iter.Seq2[uuid.UUID, error], upTo int) (_ *run, err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), durable.Unfinished+"*")
	if err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, temporary.Close())
		if err != nil {
			_ = os.Remove(temporary.Name())
		}
	}()
	w := bufio.NewWriterSize(temporary, 1<<16)
	keys := make([]uint64, 0, upTo)
	var blocks []block
	page := make([]byte, 0, blockIDs*idBytes)
	endBlock := func() error {
		if len(page) == 0 {
			return nil
		}
		blocks = append(blocks, block{uuid.UUID(page[:idBytes]), crc32.Checksum(page, castagnoli)})
		_, err := w.Write(page)
		page = page[:0]
		return err
	}
	for id, err := range sorted {
		if err != nil {
			return nil, err
		}
		keys = append(keys, filterKey(&id))
		if page = append(page, id[:]...); len(page) == cap(page) {
			if err := endBlock(); err != nil {
				return nil, err
			}
		}
	}
	if err := endBlock(); err != nil {
		return nil, err
	}
	count := len(keys)
	filter, err := xorfilter.NewBinaryFuse[uint8](keys)
	if err != nil {
		return nil, fmt.Errorf("build filter of %d ids: %w", count, err)
	}

	sum := crc32.New(castagnoli)
	both := io.MultiWriter(w, sum)
	list := make([]byte, 0, len(blocks)*blockBytes)
	for _, b := range blocks {
		list = binary.LittleEndian.AppendUint32(append(list, b.first[:]...), b.sum)
	}
	if _, err := both.Write(list); err != nil {
		return nil, err
	}
	if err := filter.Save(both); err != nil {
		return nil, err
	}
	footer := binary.LittleEndian.AppendUint64(nil, uint64(count))
	footer = binary.LittleEndian.AppendUint64(footer, uint64(count)*idBytes)
	footer = binary.LittleEndian.AppendUint32(footer, sum.Sum32())
	footer = binary.LittleEndian.AppendUint32(footer, runMagic)
	if _, err := w.Write(footer); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	if err := temporary.Sync(); err != nil {
		return nil, err
	}
	if err := os.Rename(temporary.Name(), path); err != nil {
		return nil, err
	}
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return openRun(path)
}

// openRun reads the block list and the filter, not the ids.
func openRun(path string) (_ *run, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	damaged := func(what string) error {
		return fmt.Errorf("%s is damaged (%s): delete it to go on; events in it that are delivered again would count twice", path, what)
	}
	footer := make([]byte, footerBytes)
	if _, err := file.ReadAt(footer, info.Size()-footerBytes); err != nil {
		return nil, damaged("too short")
	}
	ids, start := binary.LittleEndian.Uint64(footer), binary.LittleEndian.Uint64(footer[8:])
	if binary.LittleEndian.Uint32(footer[20:]) != runMagic || start != ids*idBytes || int64(start) > info.Size()-footerBytes {
		return nil, damaged("no footer")
	}
	index := make([]byte, info.Size()-footerBytes-int64(start))
	if _, err := file.ReadAt(index, int64(start)); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if crc32.Checksum(index, castagnoli) != binary.LittleEndian.Uint32(footer[16:]) {
		return nil, damaged("checksum of its index")
	}
	r := &run{path: path, file: file, ids: int(ids)}
	r.blocks = make([]block, (r.ids+blockIDs-1)/blockIDs)
	if len(index) < len(r.blocks)*blockBytes {
		return nil, damaged("block list")
	}
	for i := range r.blocks {
		b := index[i*blockBytes:]
		r.blocks[i] = block{uuid.UUID(b[:idBytes]), binary.LittleEndian.Uint32(b[idBytes:])}
	}
	if r.filter, err = xorfilter.LoadBinaryFuse[uint8](bytes.NewReader(index[len(r.blocks)*blockBytes:])); err != nil {
		return nil, damaged("filter")
	}
	return r, nil
}

// has says whether id, whose filterKey is key, is in the run. page is room for one block.
func (r *run) has(id *uuid.UUID, key uint64, page *[blockIDs * idBytes]byte) (bool, error) {
	if !r.filter.Contains(key) {
		return false, nil
	}
	b := sort.Search(len(r.blocks), func(i int) bool { return bytes.Compare(r.blocks[i].first[:], id[:]) > 0 }) - 1
	if b < 0 {
		return false, nil
	}
	ids, err := r.block(b, page)
	if err != nil {
		return false, err
	}
	n := len(ids) / idBytes
	i := sort.Search(n, func(i int) bool { return bytes.Compare(ids[i*idBytes:(i+1)*idBytes], id[:]) >= 0 })
	return i < n && bytes.Equal(ids[i*idBytes:(i+1)*idBytes], id[:]), nil
}

// block reads and checks block b.
func (r *run) block(b int, page *[blockIDs * idBytes]byte) ([]byte, error) {
	ids := page[:min(blockIDs, r.ids-b*blockIDs)*idBytes]
	if _, err := r.file.ReadAt(ids, int64(b)*blockIDs*idBytes); err != nil {
		return nil, fmt.Errorf("read %s: %w", r.path, err)
	}
	if crc32.Checksum(ids, castagnoli) != r.blocks[b].sum {
		return nil, fmt.Errorf("%s is damaged in block %d: stop, delete the file and start again; events in it that are delivered again would count twice", r.path, b)
	}
	return ids, nil
}

// all yields the ids in order.
func (r *run) all() iter.Seq2[uuid.UUID, error] {
	return func(yield func(uuid.UUID, error) bool) {
		page := new([blockIDs * idBytes]byte)
		for b := range r.blocks {
			ids, err := r.block(b, page)
			if err != nil {
				yield(uuid.UUID{}, err)
				return
			}
			for ; len(ids) > 0; ids = ids[idBytes:] {
				if !yield(uuid.UUID(ids[:idBytes]), nil) {
					return
				}
			}
		}
	}
}

// remove closes the run and deletes its file.
func (r *run) remove() error { return errors.Join(r.file.Close(), os.Remove(r.path)) }
