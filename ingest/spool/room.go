package spool

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// UnavailableError says that nothing can be kept now, why, and when to try again.
type UnavailableError struct {
	Reason string
	After  time.Duration

	full bool // for want of room, which comes back without a write
}

func (e *UnavailableError) Error() string             { return e.Reason }
func (e *UnavailableError) RetryAfter() time.Duration { return e.After }

// room answers an error when the spool must not grow.
func (s *Spool) room() error {
	s.mu.Lock()
	used, refused := s.bytes, int64(0)
	for _, r := range s.refused {
		refused += r.Bytes
	}
	s.mu.Unlock()
	if used >= s.o.MaxBytes {
		reason := fmt.Sprintf("the spool holds %s that ClickHouse has not taken yet; its limit is %s (spool.max_bytes)", mebibytes(used), mebibytes(s.o.MaxBytes))
		if refused > 0 {
			reason += fmt.Sprintf("; %s of it were refused and set aside (livello spool list)", mebibytes(refused))
		}
		return &UnavailableError{reason, 10 * time.Second, true}
	}
	if s.o.MinFree < 0 {
		return nil
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(s.o.Dir, &disk); err != nil {
		return fmt.Errorf("look at free disk: %w", err)
	}
	if free := int64(disk.Bavail) * int64(disk.Bsize); free < s.o.MinFree {
		return &UnavailableError{fmt.Sprintf("the disk has %s left; the floor is %s (spool.min_free_bytes)", mebibytes(free), mebibytes(s.o.MinFree)), 30 * time.Second, true}
	}
	return nil
}

// Room answers why nothing can be accepted now, nil when it can: the limit, the disk, or a write that failed. What it says is
// what Append would.
func (s *Spool) Room() error {
	s.mu.Lock()
	failed := s.lastErr
	s.mu.Unlock()
	if err := s.room(); err != nil {
		return err
	}
	// A refusal for want of room is over once there is room; a disk that failed has to prove itself with a write.
	var unavailable *UnavailableError
	if errors.As(failed, &unavailable) && unavailable.full {
		return nil
	}
	return failed
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }
