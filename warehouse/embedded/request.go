package embedded

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// maxStatement bounds the SQL text of a request. The engine has its own, lower limit (max_query_size, 256 KiB) that a
// request may raise up to this one.
const maxStatement = 16 << 20

// request is an HTTP request in ClickHouse's terms.
type request struct {
	statement
	data     io.Reader // of an insert, from its first byte
	dataAll  bool      // the data was part of the text, so it is all in memory
	settings []param
	params   []param
	ignored  []string // settings that were left out

	user, password string
	hasUser        bool
	database       string
	queryID        string
	format         string // to use when the statement has no FORMAT clause
	protocol       int    // client_protocol_version
	compress       bool   // answer in ClickHouse's own block compression
	httpCompress   bool   // answer by Accept-Encoding
	compressLevel  int
	wait           bool // wait_end_of_query: answer only when the statement has ended
	role           bool
	session        string
	values         url.Values // of the URL
}

// controls are URL parameters that are not settings of the engine.
var controls = map[string]bool{
	"query": true, "database": true, "default_format": true, "user": true, "password": true, "quota_key": true,
	"query_id": true, "session_id": true, "session_timeout": true, "session_check": true, "close_session": true,
	"stacktrace": true, "compress": true, "decompress": true, "enable_http_compression": true,
	"http_zlib_compression_level": true, "network_compression_method": true, "network_zstd_compression_level": true,
	"buffer_size": true, "wait_end_of_query": true, "http_wait_end_of_query": true, "client_protocol_version": true,
	"role": true, "http_native_compression_disable_checksumming_on_decompress": true,
}

// readHead takes apart what comes before the body, which is enough to know who asks.
func readHead(r *http.Request) (*request, error) {
	q := &request{format: "TabSeparated", compressLevel: 3}
	// Not r.URL.Query(): it drops what it cannot parse, and a dropped setting would silently change the answer.
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil {
		q.values = values
		err = q.readValues(values)
	} else {
		err = newException(codeBadArguments, fmt.Sprintf("cannot parse the URL parameters: %v", err))
	}
	q.readHeaders(r)
	return q, err
}

// readBody finds the statement; the data of an insert stays unread.
func (q *request) readBody(r *http.Request) error {
	body, err := requestBody(r, q.values)
	if err != nil {
		return err
	}
	query := q.values.Get("query")
	if media, form, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media == "multipart/form-data" {
		fields, err := readForm(body, form["boundary"], q.values)
		if err != nil {
			return err
		}
		if err := q.readValues(fields); err != nil {
			return err
		}
		query, body = query+fields.Get("query"), http.NoBody
	}
	return q.readStatement(query, body)
}

// readValues sorts URL parameters or form fields into settings, query parameters and what steers the answer.
func (q *request) readValues(values url.Values) error {
	override := func(target *string, name string) {
		if v := values.Get(name); v != "" {
			*target = v
		}
	}
	set := func(target *bool, names ...string) {
		for _, name := range names {
			*target = *target || truthy(values.Get(name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) { // one order, so that equal settings share a session
		list := values[name]
		value := list[len(list)-1]
		switch {
		case strings.HasPrefix(name, "param_"):
			q.params = append(q.params, param{name[len("param_"):], value})
		case !controls[name]:
			q.settings = append(q.settings, param{name, value})
		}
	}
	override(&q.database, "database")
	override(&q.queryID, "query_id")
	override(&q.session, "session_id")
	override(&q.format, "default_format")
	set(&q.compress, "compress")
	set(&q.httpCompress, "enable_http_compression")
	set(&q.wait, "wait_end_of_query", "http_wait_end_of_query")
	q.role = q.role || values.Has("role")
	if values.Has("user") {
		q.user, q.password, q.hasUser = values.Get("user"), values.Get("password"), true
	}
	for name, target := range map[string]*int{"client_protocol_version": &q.protocol, "http_zlib_compression_level": &q.compressLevel} {
		if text := values.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return newException(codeBadArguments, fmt.Sprintf("%s must be a number, got %q", name, text))
			}
			*target = n
		}
	}
	if !validFormatName(q.format) {
		return newException(73, fmt.Sprintf("Unknown format %s", q.format))
	}
	return nil
}

func (q *request) readHeaders(r *http.Request) {
	if v := r.Header.Get("X-ClickHouse-Database"); v != "" && q.database == "" {
		q.database = v
	}
	if v := r.Header.Get("X-ClickHouse-Format"); v != "" && validFormatName(v) {
		q.format = v
	}
	if v := r.Header.Get("X-ClickHouse-Query-Id"); v != "" && q.queryID == "" {
		q.queryID = v
	}
	if v := r.Header.Get("X-ClickHouse-User"); v != "" {
		q.user, q.password, q.hasUser = v, r.Header.Get("X-ClickHouse-Key"), true
	} else if user, password, ok := r.BasicAuth(); ok {
		q.user, q.password, q.hasUser = user, password, true
	}
}

// readStatement finds the statement in the query parameter, the body, or both joined by a line break as ClickHouse does,
// and leaves the data of an insert unread in q.data.
func (q *request) readStatement(query string, body io.Reader) error {
	if query != "" {
		st, more, err := analyze([]byte(query+"\n"), false)
		if err != nil {
			return err
		}
		if !more && st.kind == statementInsert {
			q.statement = st
			return q.insertData([]byte(query + "\n")[st.data:], body)
		}
		body = io.MultiReader(strings.NewReader(query+"\n"), body)
	}
	text := make([]byte, 0, 4<<10)
	for {
		whole := false
		n, err := io.ReadFull(body, text[len(text):cap(text)])
		text = text[:len(text)+n]
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			whole = true
		} else if err != nil {
			return fmt.Errorf("read request: %w", err)
		}
		st, more, err := analyze(text, whole)
		if err != nil {
			return err
		}
		if !more {
			q.statement = st
			if st.kind != statementInsert {
				return nil
			}
			q.dataAll = whole
			if whole {
				body = nil
			}
			return q.insertData(text[st.data:], body)
		}
		if len(text) >= maxStatement {
			return newException(codeQueryTooLarge, fmt.Sprintf("the statement is longer than %d bytes", maxStatement))
		}
		text = append(make([]byte, 0, min(4*cap(text), maxStatement)), text...)
	}
}

// insertData sets q.data to what follows the statement, without the blanks and line break between.
func (q *request) insertData(begin []byte, rest io.Reader) error {
	if rest == nil {
		if q.statement.format != "Values" {
			begin = begin[skipDataStart(begin):]
		}
		q.data = bytes.NewReader(begin)
		return nil
	}
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(begin), rest), 64<<10)
	if q.statement.format != "Values" {
		// At most a few bytes are looked at; an error here comes again when the data is read.
		ahead, _ := r.Peek(min(len(begin)+2, r.Size()))
		_, _ = r.Discard(skipDataStart(ahead))
	}
	q.data = r
	return nil
}

func truthy(s string) bool { return s == "1" || strings.EqualFold(s, "true") }

// validFormatName keeps what is spliced behind FORMAT to a name.
func validFormatName(name string) bool {
	for i := 0; i < len(name); i++ {
		if !isWordByte(name[i]) {
			return false
		}
	}
	return name != ""
}
