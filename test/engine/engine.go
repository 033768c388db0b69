// Package engine gives tests a real ClickHouse: the embedded engine, started once per test binary in a temporary folder, or
// the server that TEST_CLICKHOUSE_DSN names. Each test gets a database of its own, dropped when it ends.
//
//	func TestSomething(t *testing.T) {
//		w := engine.Open(t)     // an empty database
//		w := engine.Migrated(t) // with the schema's tables and views
//		...
//	}
//
// Nothing needs to be set up in TestMain. A missing engine fails the test with the way out and never skips it: tests that
// silently do not run protect nobody.
package engine

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sys/unix"

	"github.com/livello/livello/warehouse"
	"github.com/livello/livello/warehouse/embedded"
)

// DSNEnv names a ClickHouse server to run the tests on instead of the embedded engine, such as
// http://default:@127.0.0.1:8123. The user needs the right to create and drop databases.
const DSNEnv = "TEST_CLICKHOUSE_DSN"

// Open returns a warehouse with an empty database of the test's own. The database is dropped when the test and its
// subtests have ended; on the embedded engine its name begins with livello, so that the SQL endpoint can read it.
func Open(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	w, err := open(t).OpenDatabase(ctx, databaseName(t))
	if err != nil {
		t.Fatalf("open a test database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		drop(ctx, t, w)
	})
	return w
}

// open starts the test binary's ClickHouse, once.
func open(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	holder, err := shared.open()
	if err != nil {
		t.Fatalf("start ClickHouse for tests: %v", err)
	}
	return holder
}

// drop removes a test's database and closes the way to it.
func drop(ctx context.Context, t testing.TB, w *warehouse.Warehouse) {
	t.Helper()
	// A view that is being refreshed or a cancelled insert may still hold a table: SYNC waits for it.
	if err := w.Exec(ctx, "DROP DATABASE IF EXISTS `"+w.Database()+"` SYNC"); err != nil {
		t.Errorf("drop test database: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("close test warehouse: %v", err)
	}
}

// Shared returns the warehouse that holds the test binary's engine, for tests of what only the holder can do, such as
// SQLHandler. It must not be closed. It fails the test when TEST_CLICKHOUSE_DSN is set.
func Shared(t testing.TB) *warehouse.Warehouse {
	t.Helper()
	if os.Getenv(DSNEnv) != "" {
		t.Fatalf("this test needs the embedded engine: unset %s", DSNEnv)
	}
	return open(t)
}

// Target is where the ClickHouse HTTP interface of the tests' ClickHouse is, with all rights: a unix socket's path, or the URL in
// TEST_CLICKHOUSE_DSN.
func Target(t testing.TB) string {
	t.Helper()
	open(t)
	if dsn := os.Getenv(DSNEnv); dsn != "" {
		return dsn
	}
	return filepath.Join(shared.dir, "engine.sock")
}

// shared is the test binary's one ClickHouse.
var shared sharedEngine

type sharedEngine struct {
	dir    string // of the embedded engine
	once   sync.Once
	holder *warehouse.Warehouse
	err    error
}

func (s *sharedEngine) open() (*warehouse.Warehouse, error) {
	s.once.Do(func() { s.err = s.start() })
	return s.holder, s.err
}

// start connects to the server, or opens the engine in a new folder. The engine runs until the binary exits; a test binary has no hook for its end without
// TestMain, so the folder is removed by the next test run (see sweep).
func (s *sharedEngine) start() (err error) {
	if dsn := os.Getenv(DSNEnv); dsn != "" {
		s.holder, err = warehouse.Open(context.Background(), warehouse.Config{DSN: dsn})
		return err
	}
	root := filepath.Join(Folder(), "livello-test-engines")
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	sweep(root)
	dir, err := os.MkdirTemp(root, strconv.Itoa(os.Getpid())+"-")
	if err != nil {
		return err
	}
	s.dir = dir
	s.holder, err = warehouse.Open(context.Background(), warehouse.Config{Data: dir, Exclusive: true, Command: "test binary " + filepath.Base(os.Args[0])})
	if err != nil {
		_ = os.RemoveAll(dir)
		var missing *embedded.MissingLibraryError
		if errors.As(err, &missing) {
			return fmt.Errorf("%w\n(or set %s to run the tests on a ClickHouse server)", err, DSNEnv)
		}
		return err
	}
	return nil
}

// memory is a file system in memory, where there is one.
const memory = "/dev/shm"

// Folder is where tests that do not care for what a power cut leaves put their files: a file system in memory, if there is one with room,
// else the usual folder for temporary files. There a sync costs nothing, and an INSERT makes dozens.
func Folder() string {
	var disk unix.Statfs_t
	if os.Getenv("TMPDIR") != "" || unix.Statfs(memory, &disk) != nil || int64(disk.Bavail)*int64(disk.Bsize) < 2<<30 || unix.Access(memory, unix.W_OK) != nil {
		return os.TempDir()
	}
	return memory
}

// TempDir is t.TempDir in Folder.
func TempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(Folder(), "livello-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// sweep removes the folders of test binaries that are gone. Their names begin with the process id; a folder whose process
// number is in use again is left for a later run.
func sweep(root string) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return
	}
	for _, entry := range entries {
		pid, _, _ := strings.Cut(entry.Name(), "-")
		n, err := strconv.Atoi(pid)
		if err != nil || n <= 0 {
			continue
		}
		if err := syscall.Kill(n, 0); errors.Is(err, syscall.ESRCH) {
			_ = os.RemoveAll(filepath.Join(root, entry.Name()))
		}
	}
}

// databaseName is unique among test binaries that share a server, and says which test it belongs to.
func databaseName(t testing.TB) string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, t.Name())
	if len(name) > 60 {
		name = name[:60]
	}
	return "livello_" + strings.ToLower(name) + "_" + hex.EncodeToString(b[:])
}

// Code returns ClickHouse's error code of err, or 0.
func Code(err error) int {
	var exc *clickhouse.Exception
	if errors.As(err, &exc) {
		return int(exc.Code)
	}
	return 0
}
