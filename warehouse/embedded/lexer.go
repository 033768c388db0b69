package embedded

import (
	"bytes"
	"strings"
)

// tokenKind says what a token is, as coarsely as finding clauses needs it.
type tokenKind byte

const (
	tokenWord   tokenKind = iota // keyword, bare identifier or number
	tokenQuoted                  // `identifier` or "identifier"
	tokenString                  // 'text', ‘text’ or $tag$text$tag$
	tokenPunct                   // one byte of anything else
)

type token struct {
	kind       tokenKind
	start, end int
	depth      int // of brackets around it; an opening bracket has the depth outside
}

// lexer splits SQL as ClickHouse does, which decides where clauses may be looked for: not in strings and comments. It is
// used to find clauses, never to decide what a reader may do (guard.go asks the engine for that).
type lexer struct {
	text  []byte
	pos   int
	depth int
	open  bool // the text ended inside a token or comment: with more text it could go on
}

// next returns the next token, skipping whitespace and comments.
func (l *lexer) next() (token, bool) {
	l.skip()
	if l.pos >= len(l.text) {
		l.open = true
		return token{}, false
	}
	t := token{start: l.pos, depth: l.depth}
	c := l.text[l.pos]
	switch {
	case isWordByte(c):
		t.kind = tokenWord
		for l.pos < len(l.text) && isWordByte(l.text[l.pos]) {
			l.pos++
		}
		l.open = l.pos == len(l.text)
	case c == '\'':
		t.kind = tokenString
		l.quoted(c)
	case c == '`' || c == '"':
		t.kind = tokenQuoted
		l.quoted(c)
	case c == '$' && l.heredoc():
		t.kind = tokenString
	case bytes.HasPrefix(l.text[l.pos:], []byte("‘")):
		t.kind = tokenString
		l.until("’")
	case bytes.HasPrefix(l.text[l.pos:], []byte("“")):
		t.kind = tokenQuoted
		l.until("”")
	default:
		t.kind = tokenPunct
		l.pos++
		switch c {
		case '(', '[', '{':
			l.depth++
		case ')', ']', '}':
			if l.depth > 0 {
				l.depth--
			}
			t.depth = l.depth
		}
	}
	t.end = l.pos
	return t, true
}

func (l *lexer) skip() {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case isSpace(rest[0]):
			l.pos++
		case bytes.HasPrefix(rest, []byte("\u00a0")):
			l.pos += len("\u00a0")
		case bytes.HasPrefix(rest, []byte("--")), bytes.HasPrefix(rest, []byte("# ")), bytes.HasPrefix(rest, []byte("#!")):
			l.until("\n")
		case bytes.HasPrefix(rest, []byte("/*")):
			l.pos += 2
			l.until("*/")
		default:
			return
		}
	}
}

// until moves behind the next end, or to the end of the text.
func (l *lexer) until(end string) {
	i := bytes.Index(l.text[l.pos:], []byte(end))
	if i < 0 {
		l.pos, l.open = len(l.text), true
		return
	}
	l.pos += i + len(end)
}

// quoted moves behind a quoted token: backslash escapes a byte, and a doubled quote stands for itself.
func (l *lexer) quoted(quote byte) {
	for i := l.pos + 1; i < len(l.text); i++ {
		switch l.text[i] {
		case '\\':
			i++
		case quote:
			if i+1 < len(l.text) && l.text[i+1] == quote {
				i++
				continue
			}
			l.pos = i + 1
			l.open = l.pos == len(l.text)
			return
		}
	}
	l.pos, l.open = len(l.text), true
}

// heredoc moves behind $tag$text$tag$ when there is one.
func (l *lexer) heredoc() bool {
	rest := l.text[l.pos:]
	n := 1
	for n < len(rest) && isWordByte(rest[n]) && rest[n] != '$' {
		n++
	}
	if n >= len(rest) || rest[n] != '$' {
		return false
	}
	tag := rest[:n+1]
	i := bytes.Index(rest[len(tag):], tag)
	if i < 0 {
		l.open = true // without its end it is none, but the end may still come
		return false
	}
	l.pos += len(tag) + i + len(tag)
	return true
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

func (l *lexer) is(t token, word string) bool {
	return t.kind == tokenWord && t.end-t.start == len(word) && strings.EqualFold(string(l.text[t.start:t.end]), word)
}

func (l *lexer) punct(t token, c byte) bool { return t.kind == tokenPunct && l.text[t.start] == c }
