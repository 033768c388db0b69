package files

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// source is an open file.
type source struct {
	file   *os.File
	rows   rowReader
	closes []func()
}

func (s *source) close() {
	for i := len(s.closes) - 1; i >= 0; i-- {
		s.closes[i]()
	}
}

// open opens a file, unpacks it if need be, and reads its column names. read is told how many bytes of the file on disk
// were read, each time some were.
func (m *Mapping) open(path string, read func(bytes int64)) (*source, error) {
	format, err := m.formatOf(path)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open file to load: %w", err)
	}
	s := &source{file: f, closes: []func(){func() { f.Close() }}}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && info.IsDir() {
		err = fmt.Errorf("%s is a folder; name the files in it", path)
	}
	if err == nil {
		err = s.openRows(m, format, info.Size(), read)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return s, nil
}

func (s *source) openRows(m *Mapping, format string, size int64, read func(int64)) error {
	in := bufio.NewReaderSize(&countingReader{s.file, read}, 64<<10)
	magic, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var plain io.Reader = in
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		if err != nil {
			return fmt.Errorf("unpack gzip: %w", err)
		}
		plain = z
	case bytes.HasPrefix(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		// One goroutine: the reader of rows is the bottleneck, and memory stays at one window.
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20))
		if err != nil {
			return fmt.Errorf("unpack zstd: %w", err)
		}
		s.closes = append(s.closes, z.Close)
		plain = z
	}
	if format == "parquet" {
		if plain != io.Reader(in) {
			return errors.New("a packed Parquet file cannot be read from its end, where its columns are listed; unpack it first (Parquet packs inside)")
		}
		r, err := newParquetReader(s.file, size, read)
		s.rows = r
		return err
	}
	b, err := newRowBuffer(plain, m.skipLines)
	if err != nil {
		return err
	}
	switch format {
	case "ndjson":
		s.rows, err = newNDJSONReader(b, m)
	case "blank":
		s.rows, err = newBlankReader(b, m)
	default:
		s.rows, err = newCSVReader(b, m, format)
	}
	return err
}

// formatOf is what the mapping says, or what the file's name ends in.
func (m *Mapping) formatOf(path string) (string, error) {
	if m.format != "" {
		return m.format, nil
	}
	name := strings.ToLower(filepath.Base(path))
	for _, packed := range []string{".gz", ".zst", ".zstd"} {
		name = strings.TrimSuffix(name, packed)
	}
	switch filepath.Ext(name) {
	case ".csv":
		return "csv", nil
	case ".tsv", ".tab":
		return "tsv", nil
	case ".ndjson", ".jsonl", ".jsonlines":
		return "ndjson", nil
	case ".parquet", ".pq":
		return "parquet", nil
	}
	return "", m.errorAt(place{Field: "format"}, "the name %s does not say what the file is; add `format:` with one of %s",
		filepath.Base(path), strings.Join(formats, ", "))
}

// countingReader tells how far reading went.
type countingReader struct {
	io.Reader
	read func(int64)
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.read(int64(n))
	}
	return n, err
}

// size is how many bytes the file has on disk.
func (s *source) size() int64 {
	info, err := s.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}
