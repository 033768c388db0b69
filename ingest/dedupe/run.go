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
	"sort"

	"github.com/FastFilter/xorfilter"
	"github.com/google/uuid"
)

// run is an immutable, sorted set of ids in a file. In memory it costs filters (about 9 bits an id; one id in 256 that
// is not there passes) and 20 bytes for each block of 256 ids; a look-up that passes its filter reads one block of 4 KiB.
//
// Each piece of 1,024 neighbouring blocks has a filter of its own: making one takes some 30 bytes an id for a moment, which for a
// run of fifty million was more memory than all the rest of the service.
//
// The file: the ids in blocks, then per block its first id and CRC-32C, then the filters, then a footer of
// ids u64, start of the block list u64, CRC-32C of everything from there to the footer u32, magic u32, little-endian.
type run struct {
	path    string
	file    *os.File
	ids     int
	blocks  []block
	filters []*xorfilter.BinaryFuse[uint8] // of each piece
}

type block struct {
	first uuid.UUID
	sum   uint32
}

const (
	idBytes     = 16
	blockIDs    = 256
	pieceBlocks = 1024
	blockBytes  = idBytes + 4 // of the block list
	footerBytes = 8 + 8 + 4 + 4
	runMagic    = 0x32444c4c // "LLD2"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// filterKey folds an id into the 64 bits that the filter sees. All bits of the id count: ids that begin with a time
// differ only in their second half.
func filterKey(id *uuid.UUID) uint64 {
	high, low := binary.LittleEndian.Uint64(id[:8]), binary.LittleEndian.Uint64(id[8:])
	return bits.RotateLeft64(high*0x9e3779b97f4a7c15, 32) ^ low
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
	index, sum := io.NewSectionReader(file, int64(start), info.Size()-footerBytes-int64(start)), crc32.New(castagnoli)
	if _, err := io.Copy(sum, index); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if sum.Sum32() != binary.LittleEndian.Uint32(footer[16:]) {
		return nil, damaged("checksum of its index")
	}
	if _, err := index.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	from := bufio.NewReaderSize(index, 1<<16)
	r := &run{path: path, file: file, ids: int(ids)}
	r.blocks = make([]block, pieces(r.ids, blockIDs))
	r.filters = make([]*xorfilter.BinaryFuse[uint8], pieces(len(r.blocks), pieceBlocks))
	entry := make([]byte, blockBytes)
	for i := range r.blocks {
		if _, err := io.ReadFull(from, entry); err != nil {
			return nil, damaged("block list")
		}
		r.blocks[i] = block{uuid.UUID(entry[:idBytes]), binary.LittleEndian.Uint32(entry[idBytes:])}
	}
	for i := range r.filters {
		if r.filters[i], err = xorfilter.LoadBinaryFuse[uint8](from); err != nil {
			return nil, damaged("filter")
		}
	}
	return r, nil
}

// pieces is how many pieces of size n things make.
func pieces(n, size int) int { return (n + size - 1) / size }

// has says whether id, whose filterKey is key, is in the run. page is room for one block.
func (r *run) has(id *uuid.UUID, key uint64, page *[blockIDs * idBytes]byte) (bool, error) {
	after := func(b int) bool { return bytes.Compare(r.blocks[b].first[:], id[:]) > 0 }
	piece := sort.Search(len(r.filters), func(i int) bool { return after(i * pieceBlocks) }) - 1
	if piece < 0 || !r.filters[piece].Contains(key) {
		return false, nil
	}
	from := piece * pieceBlocks
	b := from + sort.Search(min(pieceBlocks, len(r.blocks)-from), func(i int) bool { return after(from + i) }) - 1
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
