package faults

import (
	"debug/elf"
	little "encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The clock of the real process is set an hour ahead and an hour back while clients send; now and then it is killed, and the next process
// has the true time again.
func TestClockSteps(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("how to step the clock of one process is known for linux on amd64 only")
	}
	w := newWorld(t, migrated(t, folder(t)))
	n := times(2, 24)
	for i := range n {
		w.pause(500 * time.Millisecond)
		offset := []time.Duration{time.Hour, -time.Hour, 0, -time.Hour, time.Hour, 0}[i%6]
		w.service.stepClock(t, offset)
		w.pause(500 * time.Millisecond)
		if w.random.IntN(4) == 0 {
			w.service.kill()
			w.restart()
		}
		w.look("a step of the clock")
	}
	w.finish("clock set an hour ahead, or back", n)
}

// stepClock has the process see the wall clock off by offset from now on; the monotonic clock goes on as it was. It replaces the
// function of the kernel's vDSO that everything in the process asks for the time, in the memory of that process alone. The engine keeps
// the true time: it waits for moments of a clock that is the kernel's, and would wait for an hour.
func (s *service) stepClock(t *testing.T, offset time.Duration) {
	t.Helper()
	pid := s.cmd.Process.Pid
	for stopped := false; !stopped; { // no thread may be within what is replaced
		if err := s.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		start, size := vdso(t, pid)
		if stopped = !executing(t, pid, start, size); stopped {
			replaceClock(t, pid, start, size, int64(offset/time.Second))
		}
		if err := s.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := http.Get(s.api + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	said, err := http.ParseTime(answer.Header.Get("Date"))
	if off := time.Until(said) - offset; err != nil || off.Abs() > 30*time.Second {
		t.Fatalf("the service's clock is off by %s beside the %s it was set: %v", off, offset, err)
	}
}

// vdso is where the process has the kernel's functions.
func vdso(t *testing.T, pid int) (start, size int64) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, "[vdso]") {
			var end int64
			if _, err := fmt.Sscanf(line, "%x-%x", &start, &end); err != nil {
				t.Fatal(err)
			}
			return start, end - start
		}
	}
	t.Skip("processes have no vDSO here: their clock cannot be stepped")
	return 0, 0
}

// executing says whether a thread of the stopped process is in a range, or has not stopped yet.
func executing(t *testing.T, pid int, start, size int64) bool {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if os.IsNotExist(err) {
			continue // it ended
		}
		if err != nil {
			t.Skipf("no right to see where a process is (%v): its clock cannot be stepped", err)
		}
		fields := strings.Fields(string(text))
		if len(fields) == 0 || fields[0] == "running" {
			return true
		}
		at, err := strconv.ParseInt(strings.TrimPrefix(fields[len(fields)-1], "0x"), 16, 64)
		if err == nil && at >= start && at < start+size {
			return true
		}
	}
	return false
}

// replaceClock writes a function that asks the kernel itself and adds to what it says.
func replaceClock(t *testing.T, pid int, start, size int64, seconds int64) {
	t.Helper()
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no right to write into a process (%v): its clock cannot be stepped", err)
	}
	defer memory.Close()
	image, err := elf.NewFile(io.NewSectionReader(memory, start, size))
	if err != nil {
		t.Fatal(err)
	}
	symbols, err := image.DynamicSymbols()
	if err != nil {
		t.Fatal(err)
	}
	// push rdi; push rsi; mov eax, 228; syscall; pop rsi; pop rdi; test eax, eax; jnz ret; test edi, edi (CLOCK_REALTIME); jnz ret;
	// cmp qword [rsp], 0x40000000 (called by Go's code, which lies low); jae ret; mov r8, seconds; add [rsi], r8; ret
	function := []byte{0x57, 0x56, 0xb8, 228, 0, 0, 0, 0x0f, 0x05, 0x5e, 0x5f, 0x85, 0xc0, 0x75, 27, 0x85, 0xff, 0x75, 23,
		0x48, 0x81, 0x3c, 0x24, 0, 0, 0, 0x40, 0x73, 13, 0x49, 0xb8}
	function = append(little.LittleEndian.AppendUint64(function, uint64(seconds)), 0x4c, 0x01, 0x06, 0xc3)
	for _, symbol := range symbols {
		if symbol.Name != "__vdso_clock_gettime" {
			continue
		}
		if uint64(len(function)) > symbol.Size {
			t.Skipf("%s has %d bytes, too few: the clock cannot be stepped", symbol.Name, symbol.Size)
		}
		if _, err := memory.WriteAt(function, start+int64(symbol.Value)); err != nil {
			t.Skipf("no right to write into a process (%v): its clock cannot be stepped", err)
		}
		return
	}
	t.Skip("the vDSO has other functions here: the clock cannot be stepped")
}
