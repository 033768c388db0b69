package ingest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// buffer is a pooled body and the reader that filled it.
type buffer struct {
	data    []byte
	counted countedReader
}

// maxPooledBody is the largest body whose memory is kept for the next request.
const maxPooledBody = 4 << 20

func (b *buffer) shrink() {
	if cap(b.data) > maxPooledBody {
		b.data = nil
	}
}

// read reads and decompresses a request's body into buf, no further than the limits: a small body that decompresses to an
// enormous one costs no more than the limit.
func (s *Service) read(r *http.Request, buf *buffer, keyed bool) ([]byte, error) {
	wire, decoded := s.limits.Body, s.limits.Decoded
	if !keyed {
		wire, decoded = min(wire, s.limits.Keyless), min(decoded, s.limits.Keyless)
	}
	if r.ContentLength > wire {
		return nil, tooLarge("the body", wire, keyed)
	}
	counted := &buf.counted
	*counted = countedReader{r: r.Body, left: wire}
	defer func() {
		s.metrics.wireBytes.Add(float64(wire - counted.left))
		counted.r = nil // lets go of the request
	}()

	source := io.Reader(counted)
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding")))
	switch encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzipReader(counted)
		if err != nil {
			return nil, s.readError(err, counted, wire, encoding, keyed)
		}
		defer gzipReaders.Put(z)
		source = z
	case "zstd":
		z, err := zstdReader(counted)
		if err != nil {
			return nil, s.readError(err, counted, wire, encoding, keyed)
		}
		defer func() {
			_ = z.Reset(nil) // lets go of the request
			zstdReaders.Put(z)
		}()
		source = z
	default:
		return nil, &Error{Status: http.StatusUnsupportedMediaType, Code: "unsupported_encoding", Field: "Content-Encoding",
			Message: fmt.Sprintf("Content-Encoding %q is not supported", encoding), Help: "send gzip, zstd or no encoding"}
	}
	data, err := readAll(buf.data[:0], source, decoded, r.ContentLength)
	buf.data = data
	if err != nil {
		return nil, s.readError(err, counted, decoded, encoding, keyed)
	}
	s.metrics.bodyBytes.Add(float64(len(data)))
	return data, nil
}

// errTooLarge ends reading at a limit.
var errTooLarge = errors.New("larger than the limit")

// countedReader reads no more than left bytes.
type countedReader struct {
	r    io.Reader
	left int64
	over bool // there was more
	err  error
}

func (c *countedReader) Read(p []byte) (int, error) {
	if c.left == 0 {
		var one [1]byte
		if n, err := c.r.Read(one[:]); n == 0 {
			return 0, err
		}
		c.over = true
		return 0, errTooLarge
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.r.Read(p)
	c.left -= int64(n)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// readAll appends to dst what r holds, up to limit bytes.
func readAll(dst []byte, r io.Reader, limit, expected int64) ([]byte, error) {
	if expected > 0 && expected <= limit && int64(cap(dst)) <= expected {
		dst = make([]byte, 0, expected+1) // one more, so that the end is seen without growing
	}
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, make([]byte, max(512, len(dst)/2))...)[:len(dst)]
		}
		room := dst[len(dst):cap(dst)]
		if most := limit - int64(len(dst)) + 1; int64(len(room)) > most {
			room = room[:most]
		}
		n, err := r.Read(room)
		dst = dst[:len(dst)+n]
		if int64(len(dst)) > limit {
			return dst, errTooLarge
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// readError says why a body could not be read.
func (s *Service) readError(err error, wire *countedReader, limit int64, encoding string, keyed bool) error {
	switch {
	case wire.over:
		return tooLarge("the body", limitOnWire(s, keyed), keyed)
	case errors.Is(err, errTooLarge):
		what := "the body"
		if encoding != "" && encoding != "identity" {
			what = "the decompressed body"
		}
		return tooLarge(what, limit, keyed)
	case wire.err != nil:
		return &Error{Status: http.StatusBadRequest, Code: "incomplete_body", Message: "the body ended early: " + wire.err.Error(), cause: err}
	}
	return &Error{Status: http.StatusBadRequest, Code: "invalid_encoding", Field: "Content-Encoding",
		Message: fmt.Sprintf("the body is not valid %s: %s", encoding, err), Help: "check that Content-Encoding names what the body is", cause: err}
}

func limitOnWire(s *Service, keyed bool) int64 {
	if keyed {
		return s.limits.Body
	}
	return min(s.limits.Body, s.limits.Keyless)
}

func tooLarge(what string, limit int64, keyed bool) error {
	help := "send smaller batches"
	if !keyed {
		help = "send smaller batches, or the write key in the Authorization header, with which more is allowed"
	}
	return &Error{Status: http.StatusRequestEntityTooLarge, Code: "too_large",
		Message: fmt.Sprintf("%s is larger than %d bytes", what, limit), Help: help}
}

var gzipReaders, zstdReaders sync.Pool

func gzipReader(r io.Reader) (*gzip.Reader, error) {
	if z, ok := gzipReaders.Get().(*gzip.Reader); ok {
		if err := z.Reset(r); err != nil {
			gzipReaders.Put(z)
			return nil, err
		}
		return z, nil
	}
	return gzip.NewReader(r)
}

// maxZstdWindow is how far back a zstd stream may refer, and so what reading it takes in memory: what the format's
// specification asks decoders to support.
const maxZstdWindow = 8 << 20

func zstdReader(r io.Reader) (*zstd.Decoder, error) {
	if z, ok := zstdReaders.Get().(*zstd.Decoder); ok {
		if err := z.Reset(r); err != nil {
			return nil, err
		}
		return z, nil
	}
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxZstdWindow))
}
