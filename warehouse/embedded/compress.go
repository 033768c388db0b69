package embedded

import (
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// requestBody undoes the compression of a request's body: Content-Encoding, and with decompress=1 ClickHouse's own blocks
// inside it.
func requestBody(r *http.Request, values url.Values) (io.Reader, error) {
	var body io.Reader = r.Body
	if r.Body == nil {
		body = http.NoBody
	}
	var err error
	switch encoding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		body, err = gzip.NewReader(body)
	case "deflate":
		body, err = zlib.NewReader(body)
	case "br":
		body = brotli.NewReader(body)
	case "zstd":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(128<<20)); err == nil {
			body = closingReader{d, d.Close}
		}
	default:
		return nil, newException(codeUnsupportedEncoding, fmt.Sprintf("Content-Encoding %q is not supported; use gzip, deflate, br or zstd", encoding))
	}
	if err != nil {
		return nil, newException(codeBadArguments, fmt.Sprintf("cannot decompress the request's body: %v", err))
	}
	if truthy(values.Get("decompress")) {
		body = compress.NewReader(body)
	}
	return body, nil
}

// closingReader frees a decoder when it has been read to its end or broke.
type closingReader struct {
	io.Reader
	done func()
}

func (c closingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if err != nil {
		c.done()
	}
	return n, err
}

// compressor returns what the result is written to: the response itself, or an encoder in front of it when the client
// asked for one by compress=1, or by enable_http_compression=1 with Accept-Encoding.
func (a *answer) compressor() io.WriteCloser {
	plain := nopCloser{a.w}
	if a.q.compress {
		return newBlockWriter(a.w)
	}
	if !a.q.httpCompress {
		return plain
	}
	encoding := acceptedEncoding(a.r.Header.Get("Accept-Encoding"))
	if encoding == "" {
		return plain
	}
	a.w.Header().Set("Content-Encoding", encoding)
	a.w.Header().Set("Vary", "Accept-Encoding")
	level := min(max(a.q.compressLevel, 1), 9)
	switch encoding {
	case "gzip":
		w, _ := gzip.NewWriterLevel(a.w, level) // the level is in range
		return w
	case "deflate":
		w, _ := zlib.NewWriterLevel(a.w, level)
		return w
	case "br":
		return brotli.NewWriterLevel(a.w, level)
	default:
		w, _ := zstd.NewWriter(a.w, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderConcurrency(1))
		return w
	}
}

// acceptedEncoding picks the first of ClickHouse's order that the client names; q=0 excludes one.
func acceptedEncoding(header string) string {
	accepted := map[string]bool{}
	for _, part := range strings.Split(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		weight = strings.ReplaceAll(weight, " ", "")
		if weight != "q=0" && weight != "q=0.0" {
			accepted[strings.ToLower(strings.TrimSpace(name))] = true
		}
	}
	for _, name := range []string{"zstd", "gzip", "br", "deflate"} {
		if accepted[name] {
			return name
		}
	}
	return ""
}

// blockWriter writes ClickHouse's own compression (compress=1): LZ4 blocks, each with checksum and sizes.
type blockWriter struct {
	w     io.Writer
	block *compress.Writer
	buf   []byte
}

// blockSize is how much goes into one compressed block; ClickHouse uses up to 1 MiB.
const blockSize = 256 << 10

func newBlockWriter(w io.Writer) *blockWriter {
	return &blockWriter{w: w, block: compress.NewWriter(0, compress.LZ4), buf: make([]byte, 0, blockSize)}
}

func (b *blockWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		n := min(len(p), cap(b.buf)-len(b.buf))
		b.buf = append(b.buf, p[:n]...)
		p, written = p[n:], written+n
		if len(b.buf) == cap(b.buf) {
			if err := b.flush(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (b *blockWriter) flush() error {
	if len(b.buf) == 0 {
		return nil
	}
	if err := b.block.Compress(b.buf); err != nil {
		return fmt.Errorf("compress result: %w", err)
	}
	b.buf = b.buf[:0]
	_, err := b.w.Write(b.block.Data)
	return err
}

func (b *blockWriter) Close() error { return b.flush() }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
