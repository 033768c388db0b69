//go:build !linux

package embedded

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// sigactions holds the signal table of the process as the C library reports it, as opaque bytes.
type sigactions [32]libcSigaction

type libcSigaction [4]uint64 // macOS: 16 bytes of handler, mask and flags; the rest is slack

const sigkill, sigstop = 9, 17

var libcSigactionFunc func(sig int32, set, get unsafe.Pointer) int32

func bindSigaction() error {
	if libcSigactionFunc != nil {
		return nil
	}
	sym, err := purego.Dlsym(purego.RTLD_DEFAULT, "sigaction")
	if err != nil {
		return fmt.Errorf("find sigaction of the C library on %s: %w", runtime.GOOS, err)
	}
	purego.RegisterFunc(&libcSigactionFunc, sym)
	return nil
}

// saveSignals reads the action of every signal. The library resets some of them while it starts, and Go's runtime depends
// on its own: SIGURG preempts goroutines and SIGSEGV becomes a nil-dereference panic.
func saveSignals() (*sigactions, error) {
	if err := bindSigaction(); err != nil {
		return nil, err
	}
	table := new(sigactions)
	for sig := 1; sig < len(table); sig++ {
		if libcSigactionFunc(int32(sig), nil, unsafe.Pointer(&table[sig])) != 0 {
			return nil, fmt.Errorf("read action of signal %d", sig)
		}
	}
	return table, nil
}

// restore puts back every action that changed since saveSignals.
func (s *sigactions) restore() error {
	list, err := s.changed()
	if err != nil {
		return err
	}
	for _, sig := range list {
		if sig == sigkill || sig == sigstop {
			continue
		}
		if libcSigactionFunc(int32(sig), unsafe.Pointer(&s[sig]), nil) != 0 {
			return fmt.Errorf("restore action of signal %d", sig)
		}
	}
	return nil
}

// changed lists the signals whose action is not what it was when s was saved.
func (s *sigactions) changed() ([]int, error) {
	now, err := saveSignals()
	if err != nil {
		return nil, err
	}
	var list []int
	for sig := 1; sig < len(now); sig++ {
		if now[sig] != s[sig] {
			list = append(list, sig)
		}
	}
	return list, nil
}
