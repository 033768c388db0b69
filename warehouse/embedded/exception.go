package embedded

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// exception is an error of the engine: ClickHouse's code and its message, as "Code: 60. DB::Exception: ... (UNKNOWN_TABLE)".
type exception struct {
	code int
	text string
}

func (e *exception) Error() string { return e.text }

// Codes this package raises itself, named as in ClickHouse's ErrorCodes.
const (
	codeBadArguments        = 36
	codeNotImplemented      = 48
	codeSyntaxError         = 62
	codeIntoOutfile         = 358
	codeUnknownSetting      = 115
	codeReadonly            = 164
	codeTooManyQueries      = 202
	codeQueryTooLarge       = 229
	codeQueryCancelled      = 394
	codeAccessDenied        = 497
	codeAuthentication      = 516
	codeUnsupportedEncoding = 779
	codeUnknown             = 1002
)

var codeNames = map[int]string{
	codeBadArguments: "BAD_ARGUMENTS", codeNotImplemented: "NOT_IMPLEMENTED", codeSyntaxError: "SYNTAX_ERROR",
	codeIntoOutfile: "INTO_OUTFILE_NOT_ALLOWED", codeUnknownSetting: "UNKNOWN_SETTING", codeReadonly: "READONLY",
	codeTooManyQueries: "TOO_MANY_SIMULTANEOUS_QUERIES", codeQueryTooLarge: "QUERY_IS_TOO_LARGE",
	codeQueryCancelled: "QUERY_WAS_CANCELLED", codeAccessDenied: "ACCESS_DENIED",
	codeAuthentication: "AUTHENTICATION_FAILED", codeUnsupportedEncoding: "UNSUPPORTED_MEDIA_TYPE",
	codeUnknown: "UNKNOWN_EXCEPTION",
}

// newException makes an error of our own in ClickHouse's form.
func newException(code int, message string) *exception {
	return &exception{code: code, text: "Code: " + strconv.Itoa(code) + ". DB::Exception: " + message + ". (" + codeNames[code] + ")"}
}

var (
	exceptionStart = regexp.MustCompile(`^Code: (\d+)\. DB::(?:\w+)?Exception: `)
	exceptionEnd   = regexp.MustCompile(`\.? \(([A-Z][A-Z0-9_]+)\)(?: \(version [^()]*(?:\([^()]*\))?\))?\s*$`)
)

// parseException reads the engine's message. The library wraps a message of its own kind in itself, up to three times;
// one of each beginning and ending is kept, so that the text is what a server would send.
func parseException(msg string) *exception {
	m := exceptionStart.FindStringSubmatch(msg)
	if m == nil {
		return newException(codeUnknown, strings.TrimSuffix(msg, "."))
	}
	code, _ := strconv.Atoi(m[1])
	prefix := m[0]
	body := msg
	for strings.HasPrefix(body, prefix) {
		body = body[len(prefix):]
	}
	name := ""
	for {
		m := exceptionEnd.FindStringSubmatchIndex(body)
		if m == nil || (name != "" && body[m[2]:m[3]] != name) {
			break
		}
		name = body[m[2]:m[3]]
		body = body[:m[0]]
	}
	text := prefix + body
	if name != "" {
		text += ". (" + name + ")"
	}
	return &exception{code: code, text: text}
}

// httpStatus is the status a ClickHouse server answers with for a code.
func httpStatus(code int) int {
	switch code {
	case 194: // REQUIRED_PASSWORD
		return http.StatusUnauthorized
	case 192, 193, codeAuthentication, 512, codeAccessDenied: // UNKNOWN_USER, WRONG_PASSWORD, SET_NON_GRANTED_ROLE
		return http.StatusForbidden
	case codeBadArguments, 427, // CANNOT_COMPILE_REGEXP
		6, 25, 26, 38, 41, 72, 27, 376, 441, 675, 676, // CANNOT_PARSE_*
		15, 44, 8, // DUPLICATE_COLUMN, ILLEGAL_COLUMN, THERE_IS_NO_COLUMN
		167, 168, 223, // TOO_DEEP_AST, TOO_BIG_AST, UNEXPECTED_AST_STRUCTURE
		codeSyntaxError, 117, 53, 321: // INCORRECT_DATA, TYPE_MISMATCH, VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
		return http.StatusBadRequest
	case 60, 46, 47, 50, 56, 81, codeUnknownSetting, 152, 63, 73, 336, 78, 511: // UNKNOWN_*
		return http.StatusNotFound
	case codeQueryTooLarge:
		return http.StatusRequestEntityTooLarge
	case codeNotImplemented:
		return http.StatusNotImplemented
	case 209, 76, 439, codeTooManyQueries: // SOCKET_TIMEOUT, CANNOT_OPEN_FILE, CANNOT_SCHEDULE_TASK
		return http.StatusServiceUnavailable
	case 159: // TIMEOUT_EXCEEDED
		return http.StatusRequestTimeout
	case codeUnsupportedEncoding:
		return http.StatusUnsupportedMediaType
	}
	return http.StatusInternalServerError
}
