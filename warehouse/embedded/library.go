package embedded

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library is libchdb.so with the functions we use bound to it. Handles are opaque and stay uintptr; only memory that we
// read (messages, result buffers) comes back as a pointer. Every text goes in with its length, so it may hold any bytes.
type library struct {
	path string

	version     func() string
	setSignals  func(enabled int32)
	connect     func(argc int32, argv unsafe.Pointer) unsafe.Pointer // chdb_connection *
	closeConn   func(conn unsafe.Pointer)
	query       func(conn uintptr, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr) uintptr
	queryParams func(conn uintptr, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) uintptr
	destroyResult func(result uintptr)
	resultError   func(result uintptr) string
	resultBuffer  func(result uintptr) *byte
	resultLength  func(result uintptr) uintptr
	rowsResult    func(result uintptr) uint64
	bytesResult   func(result uintptr) uint64
	rowsRead      func(result uintptr) uint64
	bytesRead     func(result uintptr) uint64
	rowsWritten   func(result uintptr) uint64
	bytesWritten  func(result uintptr) uint64

	insert func(conn uintptr, sql unsafe.Pointer, sqlLen uintptr, format unsafe.Pointer, formatLen uintptr,
		names, nameLens, values, valueLens unsafe.Pointer, count uintptr) uintptr
	insertAppend  func(stream uintptr, data unsafe.Pointer, n uintptr) int32
	insertDone    func(stream uintptr) uintptr
	insertCancel  func(stream uintptr)
	insertError   func(stream uintptr) string
	insertDestroy func(stream uintptr)

	classify func(conn uintptr, sql unsafe.Pointer, sqlLen uintptr, database unsafe.Pointer, databaseLen uintptr,
		analysis unsafe.Pointer) int32
}

// minLibraryVersion is the first chdb-core that has everything below; older ones lack the streaming insert.
const minLibraryVersion = "26.7"

func (l *library) symbols() map[string]any {
	return map[string]any{
		"chdb_version":                     &l.version,
		"chdb_set_signal_handlers_enabled": &l.setSignals,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConn,
		"chdb_query_n":                     &l.query,
		"chdb_query_with_params_n":         &l.queryParams,
		"chdb_destroy_query_result":        &l.destroyResult,
		"chdb_result_error":                &l.resultError,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_rows_read":            &l.rowsResult,
		"chdb_result_bytes_read":           &l.bytesResult,
		"chdb_result_storage_rows_read":    &l.rowsRead,
		"chdb_result_storage_bytes_read":   &l.bytesRead,
		"chdb_result_rows_written":         &l.rowsWritten,
		"chdb_result_bytes_written":        &l.bytesWritten,
		"chdb_stream_insert_with_params_n": &l.insert,
		"chdb_stream_append":               &l.insertAppend,
		"chdb_stream_done":                 &l.insertDone,
		"chdb_stream_cancel_insert":        &l.insertCancel,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_destroy_insert_stream":       &l.insertDestroy,
		"chdb_classify_query_n":            &l.classify,
	}
}

var loaded struct {
	sync.Mutex
	lib *library
}

// load opens the library once per process: a library of this size with threads of its own is never unloaded.
func load(path string) (*library, error) {
	loaded.Lock()
	defer loaded.Unlock()
	if loaded.lib != nil {
		return loaded.lib, nil
	}
	if err := setEnvironment(); err != nil {
		return nil, err
	}
	lib, err := loadFile(path)
	if err != nil {
		return nil, err
	}
	loaded.lib = lib
	return lib, nil
}

func loadFile(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load engine library %s (%s/%s): %w", path, runtime.GOOS, runtime.GOARCH, err)
	}
	lib := &library{path: path}
	var missing []string
	for name, fn := range lib.symbols() {
		sym, err := purego.Dlsym(handle, name)
		if err != nil {
			missing = append(missing, name)
			continue
		}
		purego.RegisterFunc(fn, sym)
	}
	if len(missing) > 0 {
		version := "of unknown version"
		if lib.version != nil {
			version = lib.version()
		}
		return nil, fmt.Errorf("engine library %s (%s) is too old: it lacks %s; version %s or newer is needed, `make engine` fetches it",
			path, version, strings.Join(missing, ", "), minLibraryVersion)
	}
	lib.standBack()
	return lib, nil
}

// environment is what the engine reads when it is loaded.
var environment = []struct {
	name, value string
	overwrite   int32
}{
	// Background work (TTL, refreshable views) has no session whose time zone could be set otherwise.
	{"TZ", "UTC", 1},
	// What is freed goes back to the system after a second, not after five: under load the difference is some hundred mebibytes.
	{"JE_MALLOC_CONF", "dirty_decay_ms:1000", 0},
}

// setEnvironment sets it in the C library's environment, which os.Setenv does not reach without cgo.
func setEnvironment() error {
	sym, err := purego.Dlsym(purego.RTLD_DEFAULT, "setenv")
	if err != nil {
		return fmt.Errorf("find setenv of the C library: %w", err)
	}
	var setenv func(name, value string, overwrite int32) int32
	purego.RegisterFunc(&setenv, sym)
	for _, e := range environment {
		if setenv(e.name, e.value, e.overwrite) != 0 {
			return fmt.Errorf("set %s=%s for the engine", e.name, e.value)
		}
	}
	return nil
}

// param is a query parameter: {name:Type} in the statement, its value as text.
type param struct{ name, value string }

// carray holds the arrays of names and values in the form the C interface wants, pinned while a call runs.
type carray struct {
	pin                                 runtime.Pinner
	names, values                       []*byte
	nameLens, valueLens                 []uintptr
	namesP, nameLensP, valuesP, valLenP unsafe.Pointer
}

func newCArray(params []param) *carray {
	a := new(carray)
	if len(params) == 0 {
		return a
	}
	for _, p := range params {
		a.names = append(a.names, a.bytes(p.name))
		a.nameLens = append(a.nameLens, uintptr(len(p.name)))
		a.values = append(a.values, a.bytes(p.value))
		a.valueLens = append(a.valueLens, uintptr(len(p.value)))
	}
	a.pin.Pin(&a.names[0])
	a.pin.Pin(&a.values[0])
	a.namesP, a.valuesP = unsafe.Pointer(&a.names[0]), unsafe.Pointer(&a.values[0])
	a.nameLensP, a.valLenP = unsafe.Pointer(&a.nameLens[0]), unsafe.Pointer(&a.valueLens[0])
	return a
}

// bytes copies s with a terminating zero, which also gives the empty string an address.
func (a *carray) bytes(s string) *byte {
	b := make([]byte, len(s)+1)
	copy(b, s)
	a.pin.Pin(&b[0])
	return &b[0]
}

func (a *carray) free() { a.pin.Unpin() }

// pointer is the address of a text's bytes; the empty text has one too.
func pointer(b []byte) unsafe.Pointer {
	if len(b) == 0 {
		return unsafe.Pointer(&emptyText[0])
	}
	return unsafe.Pointer(&b[0])
}

var emptyText = new([1]byte)
