// Package durable writes files so that a crash at any moment leaves the old state or the new one, on disk.
package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// Unfinished is how the names begin of files that WriteFile has not renamed yet; after a crash they may be deleted.
const Unfinished = "unfinished-"

// WriteFile makes the file with mode 0600, whole or not at all, in place of one that was there. When it returns nil, content and name
// survive a power cut.
func WriteFile(path string, content []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), Unfinished+"*")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the names of files that were made, renamed or removed in the folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
