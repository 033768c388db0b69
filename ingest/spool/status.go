package spool

import "time"

// Status of the spool at a moment.
type Status struct {
	Bytes           int64 // of all files but torn ones
	Segments        int   // sealed, waiting for the loader
	Refused         int   // segments that were set aside
	RefusedBytes    int64 // of those
	RefusedRows     int
	DamagedRows     int       // events that were answered for and cannot be read from the disk any more; their bytes are set aside
	Damaged         int       // files of such bytes
	DamagedBytes    int64     // in them
	DamagedUnknown  int       // those of them that do not say how many events they held in all; DamagedRows has what they say
	Torn            int       // files of what a crash cut off: writes that nobody has an answer for
	TornBytes       int64     // in them
	Doubtful        int       // segments that are in ClickHouse by its answer to a repeated attempt, and are being checked
	WaitingRows     int       // events that are not confirmed loaded
	OldestWaiting   time.Time // when the oldest of them was accepted; zero when none waits
	LastWriteFailed error     // why the last write failed; nil when it did not
}

// Status answers what waits.
func (s *Spool) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Bytes: s.bytes, Doubtful: len(s.doubtful), DamagedRows: s.damaged, Segments: len(s.sealed), WaitingRows: s.open.rows, LastWriteFailed: s.lastErr}
	if s.open.rows > 0 {
		st.OldestWaiting = s.open.first
	}
	for _, seg := range s.sealed {
		st.WaitingRows += seg.Rows
	}
	if len(s.sealed) > 0 {
		st.OldestWaiting = s.sealed[0].First
	}
	st.Damaged, st.DamagedBytes, st.DamagedUnknown = s.pieces.damaged, s.pieces.damagedBytes, s.pieces.unknown
	st.Torn, st.TornBytes = s.pieces.torn, s.pieces.tornBytes
	for _, r := range s.refused {
		st.Refused++
		st.RefusedBytes += r.Bytes
		st.RefusedRows += r.Rows
	}
	return st
}
