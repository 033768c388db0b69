package spool

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	segmentMagic  = "LVLSEG2\n"
	olderMagic    = "LVLSEG1\n"                // its frames have no second sum
	segmentHeader = len(segmentMagic) + 16 + 4 // magic, id, CRC-32C of both
	frameHeader   = 16                         // length u32, rows u32, CRC-32C u32 of both and the block, CRC-32 (IEEE) u32 of the block
	olderHeader   = 12                         // of a frame, without the last
	maxFrame      = 1 << 30                    // a length beyond this is damage, not data

	waitingSuffix  = ".segment"  // nothing of it was sent yet
	sendingSuffix  = ".sending"  // an attempt to load it has begun and is not confirmed
	doubtfulSuffix = ".doubtful" // confirmed, but not by its first attempt: to be checked
	loadedSuffix   = ".loaded"   // in ClickHouse; kept until its ids are durable in the dedupe index
	tornInfix      = ".torn-"    // what recovery cut off, and from which offset
	damagedInfix   = ".damaged-" // a frame that recovery cut out from between others, and from which offset
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Segment is a sealed run of blocks: its bytes never change again, and its payload is one INSERT.
type Segment struct {
	Number uint64
	// ID is made with the segment and lies in its header. As the insert_deduplication_token it is the same for every attempt
	// to load these bytes, and different for all others.
	ID    uuid.UUID
	Rows  int
	Bytes int64 // of the file up to the last whole frame
	// First and Last are when the first and last of its events were accepted.
	First, Last time.Time

	path     string
	sent     bool // an attempt to load it has begun, in this process or in one before
	repeated bool // and another one after it
}

func segmentName(number uint64) string { return fmt.Sprintf("%016d%s", number, waitingSuffix) }

// appendFrame appends a frame that holds block to dst.
func appendFrame(dst, block []byte, rows int) []byte {
	start := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(block)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(rows))
	sum := crc32.Update(crc32.Checksum(dst[start:], castagnoli), castagnoli, block)
	dst = binary.LittleEndian.AppendUint32(dst, sum)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.ChecksumIEEE(block))
	return append(dst, block...)
}

// errTorn says that what follows the last whole frame is not a frame.
var errTorn = errors.New("not a whole frame")

// appendHeader appends the header of the segment with this id to dst.
func appendHeader(dst []byte, id uuid.UUID) []byte {
	return append(dst, sealedHeader(segmentMagic, id)...)
}

func sealedHeader(magic string, id uuid.UUID) []byte {
	header := append([]byte(magic), id[:]...)
	return binary.LittleEndian.AppendUint32(header, crc32.Checksum(header, castagnoli))
}

// readHeader answers the segment's id and how long the headers of its frames are. The error is io.EOF for an empty file and errTorn
// (wrapped) for what is no header, also with one bit turned back.
func readHeader(in io.Reader) (id uuid.UUID, ofFrames int, err error) {
	header := make([]byte, segmentHeader)
	switch _, err := io.ReadFull(in, header); {
	case err == io.EOF:
		return id, 0, io.EOF
	case err == io.ErrUnexpectedEOF: // nor with a bit turned back: the end of a sum is easily guessed
		return id, 0, fmt.Errorf("%w: it ends within the segment's header", errTorn)
	case err != nil:
		return id, 0, err
	}
	for bit := -1; bit < 8*len(header); bit++ {
		turned := bytes.Clone(header)
		if bit >= 0 {
			turned[bit/8] ^= 1 << (bit % 8)
		}
		copy(id[:], turned[len(segmentMagic):])
		magic := string(turned[:len(segmentMagic)])
		if !bytes.Equal(turned[len(segmentMagic):], sealedHeader(magic, id)[len(segmentMagic):]) {
			continue
		}
		switch magic {
		case segmentMagic:
			return id, frameHeader, nil
		case olderMagic:
			return id, olderHeader, nil
		}
	}
	return uuid.UUID{}, 0, fmt.Errorf("%w: the file does not begin as a segment", errTorn)
}

// readFrames calls each with every whole frame of a segment file's content and answers its id and where the last frame ends. A frame
// with one flipped bit is given as it was written. The error is io.EOF at a clean end, errTorn (wrapped, with the reason) where
// something else follows, or a fault of reading. The block is valid until the next call. Bits that were turned back are written to heal,
// which may be nil: another one may flip later.
func readFrames(file io.ReaderAt, size int64, heal io.WriterAt, each func(block []byte, rows int) error) (id uuid.UUID, end int64, err error) {
	in := bufio.NewReaderSize(io.NewSectionReader(file, 0, size), 1<<20)
	id, headerLength, err := readHeader(in)
	if err != nil {
		return id, 0, err
	}
	if heal != nil && headerLength == frameHeader {
		if _, err := heal.WriteAt(sealedHeader(segmentMagic, id), 0); err != nil { // what it most likely was
			return id, 0, err
		}
	}
	end = int64(segmentHeader)
	var block []byte
	header := make([]byte, headerLength)
	for {
		switch n, err := io.ReadFull(in, header); {
		case n == 0 && err == io.EOF:
			return id, end, io.EOF
		case err == io.ErrUnexpectedEOF:
			return id, end, fmt.Errorf("%w: it ends within a header", errTorn)
		case err != nil:
			return id, end, err
		}
		length, rows := binary.LittleEndian.Uint32(header), binary.LittleEndian.Uint32(header[4:])
		var torn error
		if length == 0 || length > maxFrame {
			torn = fmt.Errorf("%w: a block of %d bytes", errTorn, length)
		} else if block, err = readBlock(in, block[:0], int(length)); errors.Is(err, errTorn) { // grows with what is really there: a damaged length must not cost a gigabyte
			torn = err
		} else if err != nil {
			return id, end, err
		} else if crc32.Update(crc32.Checksum(header[:8], castagnoli), castagnoli, block) != binary.LittleEndian.Uint32(header[8:]) {
			torn = fmt.Errorf("%w: checksum", errTorn)
		} else if heal != nil && headerLength == frameHeader && crc32.ChecksumIEEE(block) != binary.LittleEndian.Uint32(header[12:]) {
			if _, err := heal.WriteAt(appendFrame(nil, block, int(rows)), end); err != nil { // the bit is in the second sum
				return id, end, err
			}
		}
		if torn != nil {
			f, ok := correct(file, size, end, header)
			if !ok {
				return id, end, torn
			}
			length, rows, block = uint32(len(f.block)), f.rows, f.block
			if heal != nil {
				if _, err := heal.WriteAt(appendFrame(nil, f.block, int(f.rows)), end); err != nil {
					return id, end, err
				}
			}
			in.Reset(io.NewSectionReader(file, end+int64(headerLength)+int64(length), size-end-int64(headerLength)-int64(length)))
		}
		if each != nil {
			if err := each(block, int(rows)); err != nil {
				return id, end, err
			}
		}
		end += int64(headerLength) + int64(length)
	}
}

func readBlock(in io.Reader, block []byte, length int) ([]byte, error) {
	const step = 16 << 20
	for len(block) < length {
		from := len(block)
		block = append(block, make([]byte, min(step, length-from))...)
		switch _, err := io.ReadFull(in, block[from:]); {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return block, fmt.Errorf("%w: it ends within a block", errTorn)
		case err != nil:
			return block, err
		}
	}
	return block, nil
}

// Sent says that an attempt to load the segment has begun: something of it may be in ClickHouse, and its bytes must stay as they are.
func (s *Segment) Sent() bool { return s.sent }

// Repeated says that an attempt to load the segment was not the first one. ClickHouse's answer that all is there then says less: see
// Spool.Doubt.
func (s *Segment) Repeated() bool { return s.repeated }

// Verify reads the whole segment and answers an error if any of it is not as it was written.
func (s *Segment) Verify() error {
	rows := 0
	err := s.Blocks(func(_ []byte, n int) error {
		rows += n
		return nil
	})
	if err != nil {
		return err
	}
	if rows != s.Rows {
		return fmt.Errorf("segment %d holds %d rows, %d were written", s.Number, rows, s.Rows)
	}
	return nil
}

// Blocks calls each with every block as it was accepted, of Native format; it is valid until the next call.
func (s *Segment) Blocks(each func(block []byte, rows int) error) error {
	file, err := os.Open(s.path)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	defer file.Close()
	_, end, err := readFrames(file, s.Bytes, nil, each)
	if err == io.EOF && end != s.Bytes {
		err = fmt.Errorf("%w: it ends after %d of %d bytes", errTorn, end, s.Bytes)
	}
	if err != io.EOF {
		return fmt.Errorf("read segment %d: %w", s.Number, err)
	}
	return nil
}

// Reader streams what WriteTo writes. Close it, also before its end.
func (s *Segment) Reader() io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		_, err := s.WriteTo(w)
		w.CloseWithError(err) // nil reads as io.EOF
	}()
	return r
}

// parseName answers the number in a segment's file name.
func parseName(name, suffix string) (number uint64, ok bool) {
	digits, ok := strings.CutSuffix(filepath.Base(name), suffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	_, err := fmt.Sscanf(digits, "%d", &number)
	return number, err == nil
}
