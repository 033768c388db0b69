package spool

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/bits"
)

// frame is what a frame held when it was written.
type frame struct {
	block []byte
	rows  uint32
}

// correct answers the frame at offset end with one bit turned back, wherever in it that bit is; ok is false when it takes more than that.
//
// The CRC alone says which bit it was: a flipped bit changes the sum by what depends on its place only, and CRC-32C gives every place in
// a frame of less than 256 MiB a value of its own. Other damage may look like one flipped bit, once in some thousand times, so the
// second sum has to agree. Files of older versions have none and are not corrected.
func correct(file io.ReaderAt, size, end int64, header []byte) (f frame, ok bool) {
	if len(header) < frameHeader {
		return f, false
	}
	body := end + frameHeader
	read := func(length uint32) []byte {
		if length == 0 || length > maxFrame || body+int64(length) > size {
			return nil
		}
		block := make([]byte, length)
		if _, err := file.ReadAt(block, body); err != nil {
			return nil
		}
		return block
	}
	length, rows := binary.LittleEndian.Uint32(header), binary.LittleEndian.Uint32(header[4:])
	sum, second := binary.LittleEndian.Uint32(header[8:]), binary.LittleEndian.Uint32(header[12:])
	sumOf := func(length uint32, block []byte) uint32 {
		head := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, length), rows)
		return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, block)
	}
	if block := read(length); block != nil {
		wrong := sumOf(length, block) ^ sum
		if bits.OnesCount32(wrong) == 1 { // in the sum itself
			return frame{block, rows}, crc32.ChecksumIEEE(block) == second
		}
		if at, bit, found := flipped(wrong, 8+len(block)); found {
			switch {
			case at >= 8:
				block[at-8] ^= 1 << bit
			case at >= 4:
				rows ^= 1 << (8*(at-4) + bit)
			}
			if at >= 4 && crc32.ChecksumIEEE(block) == second {
				return frame{block, rows}, true
			}
		}
	}
	for bit := range 32 { // in the length
		turned := length ^ 1<<bit
		if block := read(turned); block != nil && sumOf(turned, block) == sum && crc32.ChecksumIEEE(block) == second {
			return frame{block, rows}, true
		}
	}
	return f, false
}

// flipped answers which bit of n bytes changes their CRC-32C by wrong.
func flipped(wrong uint32, n int) (at, bit int, found bool) {
	// The last byte's bits change the sum by the table's entries of one bit. One byte further to the front is one step of the
	// register further, so wrong is taken back step by step.
	var inverse [256]byte
	for i, entry := range castagnoli {
		inverse[entry>>24] = byte(i)
	}
	for at = n - 1; at >= 0; at-- {
		for bit = range 8 {
			if castagnoli[1<<bit] == wrong {
				return at, bit, true
			}
		}
		i := inverse[wrong>>24]
		wrong = (wrong^castagnoli[i])<<8 | uint32(i)
	}
	return 0, 0, false
}
