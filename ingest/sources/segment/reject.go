package segment

import (
	"fmt"
	"strings"

	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// Reject is a record that was not kept, and why.
type Reject struct {
	Index     int    `json:"index"` // of the record in the body, from 0 (blank lines of NDJSON are no records)
	MessageID string `json:"messageId,omitempty"`
	Field     string `json:"field"`            // as the sender calls it, nested names joined by dots; "" is the record as a whole
	Reason    string `json:"reason"`           // a sentence part that says what is wrong and what would be right
	Code      string `json:"code"`             // one of the Code constants
	Line      int    `json:"line,omitempty"`   // NDJSON only: from 1
	Offset    int    `json:"offset,omitempty"` // CodeSyntax only: bytes from the start of the body

	// From and To are where the record stands in the body, bytes, To exclusive; the whole body when it has no records.
	From int `json:"-"`
	To   int `json:"-"`
	// IDs are userId, anonymousId and previousId as far as they can be read: whose record it may be.
	IDs []string `json:"-"`
}

// Codes of Reject: what programs and metrics may branch on.
const (
	CodeMissing = "missing"  // a required field is not there
	CodeType    = "type"     // a field has another type than it must have
	CodeValue   = "value"    // a field has a value that it cannot have
	CodeTooLong = "too_long" // a text, or the record, is longer than its limit
	CodeTooMany = "too_many" // more properties or nesting than the limit
	CodeTime    = "time"     // a time that cannot be read or that is out of range
	CodeUTF8    = "utf8"     // bytes that are not UTF-8
	CodeErased  = "erased"   // the person asked to be erased
	CodeSyntax  = "syntax"   // a line of NDJSON that is not JSON
)

// Codes are all codes of Reject.
var Codes = []string{CodeMissing, CodeType, CodeValue, CodeTooLong, CodeTooMany, CodeTime, CodeUTF8, CodeErased, CodeSyntax}

// SyntaxError says at which byte of a body it stops being JSON.
type SyntaxError struct {
	Offset int
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("malformed JSON at byte %d: %s", e.Offset, e.Reason)
}

// TooManyRecordsError says that a body holds more records than Limits.Records.
type TooManyRecordsError struct{ Limit int }

func (e *TooManyRecordsError) Error() string {
	return fmt.Sprintf("more than %d records in one body", e.Limit)
}

// fault is why a record is rejected, before it is known which record it is.
type fault struct {
	code, field, reason string
}

// fail notes why the record is rejected. It returns false for its callers to return.
func (s *state) fail(code, field, format string, args ...any) bool {
	s.fault = fault{code, strings.Clone(field), fmt.Sprintf(format, args...)}
	return false
}

// failType says that a field holds node where it should hold what wanted describes.
func (s *state) failType(field string, node *jsontape.Node, wanted string) bool {
	return s.fail(CodeType, field, "must be %s, not %s", wanted, s.describe(node))
}

// failLong says that a text is longer than its limit.
func (s *state) failLong(field string, length, limit int) bool {
	return s.fail(CodeTooLong, field, "is %d bytes long, the limit is %d", length, limit)
}

// describe is a value as an error shows it: short ones in full.
func (s *state) describe(node *jsontape.Node) string {
	switch node.Kind {
	case jsontape.String:
		return "the string \"" + clip(string(s.tape.Raw(node.Text))) + "\""
	case jsontape.Number:
		return "the number " + clip(string(s.tape.Raw(node.Text)))
	case jsontape.True, jsontape.False:
		return string(s.tape.Raw(node.Text))
	}
	return node.Kind.String()
}

// clip shortens what a sender sent for an error that is answered and logged.
func clip(text string) string {
	const most = 60
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
