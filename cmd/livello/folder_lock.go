package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/livello/livello/warehouse/embedded"
)

// lockFolder takes a data folder that holds no engine: with a server elsewhere there is still the spool, which two services
// must not share. The lock is the same file, so that a service with an engine and one without exclude each other.
func (s *service) lockFolder() error {
	path := filepath.Join(s.cfg.Data, embedded.LockFile)
	lock := flock.New(path, flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return fmt.Errorf("lock data folder: %w", err)
	}
	if !ok {
		return fmt.Errorf("data folder %s is held by another process (%s says which): stop it, or choose another folder", s.cfg.Data, path)
	}
	s.onStop("folder lock", func(context.Context) error { return lock.Unlock() })
	if err := os.WriteFile(path, fmt.Appendf(nil, "pid=%d\ncommand=livello serve\n", os.Getpid()), 0o600); err != nil {
		return fmt.Errorf("lock data folder: %w", err)
	}
	return nil
}
