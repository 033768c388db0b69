//go:build !linux

package embedded

// descriptorFolder holds the process's open files by number.
const descriptorFolder = "/dev/fd"

func growPipe(int) {}
