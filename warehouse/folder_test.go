package warehouse_test

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"github.com/livello/livello/test/engine"
	"github.com/livello/livello/warehouse"
	"github.com/livello/livello/warehouse/embedded"
)

// The process that holds the folder ends between two looks at it, and another one takes over.
func TestHolderLeavesWhileItIsAsked(t *testing.T) {
	database := engine.Open(t).Database()
	next := filepath.Join(dataDir(t), embedded.SocketFile)
	dir := engine.TempDir(t)
	lock, err := embedded.LockFolder(dir, "test")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, embedded.SocketFile))
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	busy.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			if n < 2 { // whether somebody is there, and who
				conn.Close()
				continue
			}
			busy.Go(func() { forward(t, conn, next) })
		}
	})
	w, err := warehouse.Open(t.Context(), warehouse.Config{Data: dir, Database: database})
	if err != nil {
		t.Fatal(err)
	}
	var one uint8
	if err := w.QueryRow(t.Context(), "SELECT 1").Scan(&one); err != nil || one != 1 || w.Mode() != warehouse.Remote {
		t.Errorf("got %d, %v, through %s", one, err, w.Mode())
	}
	for name, end := range map[string]func() error{"warehouse": w.Close, "socket": l.Close, "lock": lock.Unlock} {
		if err := end(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	busy.Wait()
}

// forward connects a client with the socket at path until one of them ends.
func forward(t *testing.T, client net.Conn, path string) {
	server, err := net.Dial("unix", path)
	if err != nil {
		t.Error(err)
		client.Close()
		return
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			way[0].Close()
			way[1].Close()
		})
	}
	both.Wait()
}
