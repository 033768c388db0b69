package embedded

import (
	"fmt"
	"syscall"
	"unsafe"
)

// sigactions holds the kernel's signal table of the process, as opaque bytes.
type sigactions [65]kernelSigaction

// kernelSigaction is the kernel's struct sigaction, of which only the size matters here: handler, flags, restorer and a
// 64-bit mask on amd64; handler, flags and mask on arm64.
type kernelSigaction [4]uint64

const kernelSigsetSize = 8

// saveSignals reads the action of every signal. The library resets some of them while it starts, and Go's runtime depends
// on its own: SIGURG preempts goroutines and SIGSEGV becomes a nil-dereference panic.
func saveSignals() (*sigactions, error) {
	table := new(sigactions)
	for sig := 1; sig <= 64; sig++ {
		if err := rtSigaction(sig, nil, &table[sig]); err != nil {
			return nil, fmt.Errorf("read action of signal %d: %w", sig, err)
		}
	}
	return table, nil
}

// restore puts back every action that changed since saveSignals.
func (s *sigactions) restore() error {
	for sig := 1; sig <= 64; sig++ {
		if sig == int(syscall.SIGKILL) || sig == int(syscall.SIGSTOP) {
			continue
		}
		var now kernelSigaction
		if err := rtSigaction(sig, nil, &now); err != nil {
			return fmt.Errorf("read action of signal %d: %w", sig, err)
		}
		if now == s[sig] {
			continue
		}
		if err := rtSigaction(sig, &s[sig], nil); err != nil {
			return fmt.Errorf("restore action of signal %d: %w", sig, err)
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
	for sig := 1; sig <= 64; sig++ {
		if now[sig] != s[sig] {
			list = append(list, sig)
		}
	}
	return list, nil
}

func rtSigaction(sig int, set, get *kernelSigaction) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), kernelSigsetSize, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
