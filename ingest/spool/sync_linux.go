package spool

import (
	"os"

	"golang.org/x/sys/unix"
)

// datasync makes the file's content and length durable; times and rights may follow later.
func datasync(file *os.File) error { return unix.Fdatasync(int(file.Fd())) }
