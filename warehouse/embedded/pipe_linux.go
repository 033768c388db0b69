package embedded

import "syscall"

// descriptorFolder holds the process's open files by number; opening one of a pipe gives a new end of the same pipe.
const descriptorFolder = "/proc/self/fd"

const fSetPipeSize = 1031 // F_SETPIPE_SZ

// growPipe makes the pipe larger than the kernel's 64 KiB. It may be refused when the user has many pipes, which costs
// speed and nothing else.
func growPipe(fd int) {
	_, _, _ = syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), fSetPipeSize, pipeSize)
}
