package handwritten

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Error is one thing wrong with a file that somebody wrote.
type Error struct {
	File         string // as the reader calls it
	Line, Column int    // from 1; 0 when it is about the file as a whole
	Field        string // path in the file, such as tiers.criteria.email.weight
	Reason       string // what is wrong and what to write instead
}

func (e *Error) Error() string {
	s := e.File
	if e.Line > 0 {
		s = fmt.Sprintf("%s:%d:%d", s, e.Line, e.Column)
	}
	if e.Field != "" {
		s += ": " + e.Field
	}
	return s + ": " + e.Reason
}

// Errorf is an error at a place of a file.
func Errorf(file string, at Place, format string, args ...any) *Error {
	return &Error{file, at.Line, at.Column, at.Field, fmt.Sprintf(format, args...)}
}

// Fail adds a mistake.
func (r *Reader) Fail(at Place, format string, args ...any) {
	r.Errs = append(r.Errs, Errorf(r.File, at, format, args...))
}

// Err joins everything that is wrong, one *Error each, in the order of the file; what is about the file as a whole comes last. It
// is nil for a file without mistakes.
func (r *Reader) Err() error {
	line := func(err error) (*Error, bool) {
		var e *Error
		return e, errors.As(err, &e) && e.Line > 0
	}
	slices.SortStableFunc(r.Errs, func(a, b error) int {
		x, placed := line(a)
		y, other := line(b)
		switch {
		case placed && other:
			return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column))
		case placed:
			return -1
		case other:
			return 1
		}
		return 0
	})
	return errors.Join(r.Errs...)
}
