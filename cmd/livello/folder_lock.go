package main

import (
	"context"

	"github.com/livello/livello/warehouse/embedded"
)

// lockFolder takes a data folder that holds no engine: with a server elsewhere there is still the spool, which two services
// must not share. The lock is the same file, so that a service with an engine and one without exclude each other.
func (s *service) lockFolder() error {
	who := "livello serve, with a ClickHouse server"
	if !s.serving {
		who = "a command of livello, with a ClickHouse server"
	}
	lock, err := embedded.LockFolder(s.cfg.Data, who)
	if err != nil {
		return err
	}
	s.onStop("folder lock", func(context.Context) error { return lock.Unlock() })
	return nil
}
