package ingest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gzipped(t testing.TB, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zstded(t testing.TB, body []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(body, nil)
}

func TestCompressedBodies(t *testing.T) {
	s := start(t)
	for i, test := range []struct {
		encoding string
		compress func(testing.TB, []byte) []byte
	}{{"gzip", gzipped}, {"zstd", zstded}, {"GZIP", gzipped}, {"x-gzip", gzipped}, {"identity", func(_ testing.TB, b []byte) []byte { return b }}} {
		for again := range 2 { // with a reader that was used before
			body := []byte(fmt.Sprintf(`{"batch":[{"type":"page","userId":"u%d-%d","properties":{"x":%q}}]}`, i, again, strings.Repeat("abc", 5000)))
			a := s.post(t, "/v1/batch", string(test.compress(t, body)), "Content-Encoding", test.encoding)
			if a.status != 200 {
				t.Errorf("%s: %d %s", test.encoding, a.status, a.text)
			}
		}
	}
	if rows := s.rows(t); len(rows) != 10 || len(rows[9]["properties[x]"]) != 15000 {
		t.Errorf("%d events kept", len(rows))
	}
}

func TestEncodingsThatAreNone(t *testing.T) {
	s := start(t)
	good := []byte(`{"type":"page","userId":"u","properties":{"x":"` + strings.Repeat("abc", 5000) + `"}}`)
	for name, test := range map[string]struct {
		encoding string
		body     []byte
		status   int
		code     string
	}{
		"unknown":            {"br", good, 415, "unsupported_encoding"},
		"two":                {"gzip, zstd", good, 415, "unsupported_encoding"},
		"not gzip":           {"gzip", good, 400, "invalid_encoding"},
		"gzip cut off":       {"gzip", gzipped(t, good)[:50], 400, "invalid_encoding"},
		"gzip damaged":       {"gzip", damaged(gzipped(t, good)), 400, "invalid_encoding"},
		"empty gzip":         {"gzip", nil, 400, "invalid_encoding"},
		"not zstd":           {"zstd", good, 400, "invalid_encoding"},
		"zstd cut off":       {"zstd", zstded(t, good)[:20], 400, "invalid_encoding"},
		"zstd, large window": {"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00}, 400, "invalid_encoding"},
	} {
		a := s.post(t, "/v1/page", string(test.body), "Content-Encoding", test.encoding)
		if a.status != test.status || a.Body.Error == nil || a.Body.Error.Code != test.code || a.Body.Error.Field != "Content-Encoding" {
			t.Errorf("%s: %d %s", name, a.status, a.text)
		}
	}
	// What failed before must not spoil the readers.
	for _, encoding := range []string{"gzip", "zstd"} {
		body := gzipped(t, good)
		if encoding == "zstd" {
			body = zstded(t, good)
		}
		if a := s.post(t, "/v1/page", string(body), "Content-Encoding", encoding); a.status != 200 {
			t.Errorf("%s afterwards: %d %s", encoding, a.status, a.text)
		}
	}
}

func damaged(b []byte) []byte {
	b[len(b)-6] ^= 0xff // in the checksum
	return b
}

func TestMalformedJSONIsRefusedWithItsOffset(t *testing.T) {
	s := start(t)
	for _, path := range []string{"/v1/track", "/v1/batch", "/v1/events"} {
		a := s.post(t, path, `{"batch":[{"type":"page","userId":"u"},]}`)
		if a.status != 400 || a.Body.Error == nil || a.Body.Error.Code != "malformed_json" || a.Body.Error.Offset == nil || *a.Body.Error.Offset != 39 {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	if a := s.post(t, "/v1/events", ""); a.status != 400 || a.Body.Error.Offset == nil || *a.Body.Error.Offset != 0 {
		t.Errorf("an empty body: %d %s", a.status, a.text)
	}
	if len(s.rows(t)) > 0 {
		t.Error("part of it was kept")
	}
}

func TestBodiesThatAreTooLarge(t *testing.T) {
	s := start(t, func(o *Options) {
		o.Limits.Body, o.Limits.Decoded, o.Limits.Keyless, o.Limits.Records = 2000, 10_000, 500, 50
	})
	fill := func(n int) string { // a good body of n bytes
		body := `{"type":"page","userId":"u","writeKey":"` + ownKey + `","properties":{"x":"`
		return body + strings.Repeat("x", n-len(body)-3) + `"}}`
	}
	const header = "Bearer " + ownKey
	chunked := func(body string) io.Reader { return io.MultiReader(strings.NewReader(body)) } // no Content-Length
	for name, test := range map[string]struct {
		body          io.Reader
		key, encoding string
		status        int
		code, message string
	}{
		"at the limit":                   {strings.NewReader(fill(2000)), header, "", 202, "", ""},
		"at the limit, chunked":          {chunked(fill(2000)), header, "", 202, "", ""},
		"above it":                       {strings.NewReader(fill(2001)), header, "", 413, "too_large", "the body is larger than 2000 bytes"},
		"above it, chunked":              {chunked(fill(2001)), header, "", 413, "too_large", "the body is larger than 2000 bytes"},
		"decompressed, at the limit":     {bytes.NewReader(gzipped(t, []byte(fill(10_000)))), header, "gzip", 202, "", ""},
		"decompressed, above it":         {bytes.NewReader(gzipped(t, []byte(fill(10_001)))), header, "gzip", 413, "too_large", "the decompressed body is larger than 10000 bytes"},
		"decompressed by zstd, above it": {bytes.NewReader(zstded(t, []byte(fill(10_001)))), header, "zstd", 413, "too_large", "the decompressed body is larger than 10000 bytes"},
		"key in the body":                {strings.NewReader(fill(500)), "", "", 202, "", ""},
		"key in the body, above it":      {strings.NewReader(fill(501)), "", "", 413, "too_large", "the body is larger than 500 bytes"},
		"key in the compressed body":     {bytes.NewReader(gzipped(t, []byte(fill(501)))), "", "gzip", 413, "too_large", "the decompressed body is larger than 500 bytes"},
		"records":                        {strings.NewReader("[" + strings.Repeat("1,", 50) + "1]"), header, "", 413, "too_many_records", "more than 50 records in one body"},
		"records in lines":               {strings.NewReader(strings.Repeat("{}\n", 51)), header, "", 413, "too_many_records", "more than 50 records in one body"},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			if test.key != "" {
				headers = append(headers, "Authorization", test.key)
			}
			if test.encoding != "" {
				headers = append(headers, "Content-Encoding", test.encoding)
			}
			before := len(s.rows(t))
			a := s.do(t, http.MethodPost, "/v1/events", test.body, headers...)
			if a.status != test.status {
				t.Fatalf("%d %s", a.status, a.text)
			}
			if test.status == 413 && (a.Body.Error.Code != test.code || a.Body.Error.Message != test.message || a.Body.Error.Help == "" || len(s.rows(t)) > before) {
				t.Errorf("%s", a.text)
			}
		})
	}
}

// A body of a few kilobytes that would decompress to gigabytes is read no further than the limit.
func TestGzipBomb(t *testing.T) {
	s := start(t)
	bomb := gzipped(t, make([]byte, 64<<20))
	if a := s.post(t, "/v1/batch", string(bomb), "Content-Encoding", "gzip"); a.status != 413 || a.Body.Error.Code != "too_large" {
		t.Fatalf("%d bytes: %d %s", len(bomb), a.status, a.text)
	}
	if read := s.metric(t, "livello_ingest_wire_bytes_total", nil); read > float64(len(bomb)*2/3) {
		t.Errorf("%v of %d bytes were read", read, len(bomb))
	}
}

// A client that goes away in the middle of its body leaves nothing behind.
func TestABodyThatEndsEarly(t *testing.T) {
	s := start(t)
	connection, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "POST /v1/page HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n{\"userId\":\"u\"}", ownKey)
	if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(connection)
	if err != nil || !bytes.Contains(answer, []byte("400 Bad Request")) || !bytes.Contains(answer, []byte("incomplete_body")) {
		t.Fatalf("%v %s", err, answer)
	}
	if len(s.rows(t)) > 0 {
		t.Fatal("an event was kept")
	}
}
