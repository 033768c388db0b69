//go:build !linux

package spool

import "os"

// datasync makes the file's content durable.
func datasync(file *os.File) error { return file.Sync() }
