package queries

// Codes of [Error], stable for programs that branch on them.
const (
	CodeUnknownQuery  = "unknown_query"
	CodeUnknownParam  = "unknown_param"
	CodeMissingParam  = "missing_param"
	CodeInvalidParam  = "invalid_param"
	CodeUnknownFormat = "unknown_format"
	CodeTooManyRows   = "too_many_rows"
	CodeTooSlow       = "too_slow"
	CodeTooMuchMemory = "too_much_memory"
)

// Error is a question that cannot be answered as it was put: what is wrong, with which field, and the way out. It is the
// caller's to mend; every other error of this package is the database's or the network's.
type Error struct {
	Code    string `json:"code"`
	Field   string `json:"field,omitempty"` // the parameter, or name, or format
	Message string `json:"message"`
	Help    string `json:"help,omitempty"`
	cause   error
}

func (e *Error) Error() string {
	s := e.Message
	if e.Field != "" {
		s = e.Field + ": " + s
	}
	if e.Help != "" {
		s += "; " + e.Help
	}
	return s
}

// Unwrap returns the database's own error where there is one.
func (e *Error) Unwrap() error { return e.cause }

// clip shortens what a caller sent, so that an error message stays readable and small.
func clip(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}
