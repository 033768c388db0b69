package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
)

// SocketFile is the name of the full-rights socket in a data folder.
const SocketFile = "engine.sock"

// Folder is a data folder that this process holds: its lock, the engine in it, and engine.sock for other commands.
type Folder struct {
	Dir    string
	Engine *Engine

	lock   *flock.Flock
	server *http.Server
	served chan error
	log    *slog.Logger
}

// OpenFolder takes the data folder dir, starts its engine and serves engine.sock. o.Path is ignored: the engine lives in
// dir/engine. command is written into LOCK for whoever finds the folder held. The error is a *HeldError when another
// process holds the folder.
func OpenFolder(ctx context.Context, dir, command string, o Options) (*Folder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	lock, err := LockFolder(dir, command)
	if err != nil {
		return nil, err
	}
	f := &Folder{Dir: dir, lock: lock, served: make(chan error, 1), log: o.Logger}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	o.Path = filepath.Join(dir, "engine")
	if f.Engine, err = Open(ctx, o); err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	listener, err := listenSocket(dir)
	if err != nil {
		return nil, errors.Join(err, f.Engine.Close(), lock.Unlock())
	}
	f.server = &http.Server{
		Handler:           f.Engine.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(f.log.Handler(), slog.LevelDebug),
	}
	go func() { f.served <- f.server.Serve(listener) }()
	return f, nil
}

// shutdownGrace is how long requests on the socket may go on once the folder is being closed.
const shutdownGrace = 5 * time.Second

// Close stops the socket, then the engine, then gives the folder free.
func (f *Folder) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	err := f.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		f.log.Warn("requests on the engine's socket were cut off", "socket", filepath.Join(f.Dir, SocketFile))
		err = f.server.Close()
	}
	if served := <-f.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if rm := os.Remove(filepath.Join(f.Dir, SocketFile)); rm != nil && !errors.Is(rm, os.ErrNotExist) {
		err = errors.Join(err, rm)
	}
	err = errors.Join(err, f.Engine.Close(), f.lock.Unlock())
	if err != nil {
		return fmt.Errorf("close data folder %s: %w", f.Dir, err)
	}
	return nil
}

// listenSocket makes engine.sock with mode 0600. The folder's lock must be held: a socket that is there already is then a
// leftover of a process that died.
func listenSocket(dir string) (net.Listener, error) {
	name := filepath.Join(dir, SocketFile)
	// Made in a folder that only this user can enter and moved from there: between bind and chmod it would otherwise be
	// open to others.
	private, err := os.MkdirTemp(dir, ".sock-")
	if err != nil {
		return nil, fmt.Errorf("make engine socket: %w", err)
	}
	defer os.RemoveAll(private)
	path := filepath.Join(private, "s")
	address, done, err := socketAddress(path)
	if err != nil {
		return nil, err
	}
	defer done()
	listener, err := net.Listen("unix", address)
	if err != nil {
		return nil, fmt.Errorf("make engine socket: %w", err)
	}
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	err = os.Chmod(path, 0o600)
	if err == nil {
		err = os.Rename(path, name)
	}
	if err != nil {
		listener.Close()
		return nil, fmt.Errorf("make engine socket: %w", err)
	}
	return listener, nil
}

// DialFolder connects to the engine.sock of a data folder that another process (or another part of this one) holds.
func DialFolder(ctx context.Context, dir string) (net.Conn, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	address, done, err := socketAddress(filepath.Join(dir, SocketFile))
	if err != nil {
		return nil, err
	}
	defer done()
	var d net.Dialer
	return d.DialContext(ctx, "unix", address)
}

// maxSocketPath is what fits into a sockaddr_un everywhere: 104 bytes on macOS, 108 on Linux, with a final zero.
const maxSocketPath = 103

// socketAddress gives a name for the socket at path that is short enough for the kernel. On Linux a long one is reached
// through an open descriptor of its folder; done closes that.
func socketAddress(path string) (address string, done func(), err error) {
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fmt.Errorf("the path %s is too long for a socket (%d bytes, at most %d): choose a data folder with a shorter path", path, len(path), maxSocketPath)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, fmt.Errorf("reach socket %s: %w", path, err)
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", folder.Fd(), filepath.Base(path)), func() { folder.Close() }, nil
}
