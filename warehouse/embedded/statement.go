package embedded

import (
	"strings"
)

// statementKind says how a statement is run.
type statementKind byte

const (
	statementEmpty  statementKind = iota
	statementSelect               // its result is streamed through a pipe
	statementInsert               // its data is streamed into the engine
	statementOther                // DDL, SHOW, INSERT ... SELECT and the like: run as it is, small output
)

// statement is one SQL statement, taken apart as far as running it needs.
type statement struct {
	kind   statementKind
	text   string // without trailing semicolon and comment; for an insert, up to its FORMAT or VALUES
	format string // of the FORMAT clause, or "Values"; empty when it has none
	sel    selectText
	data   int // insert: where its data begins in the text that was analyzed
}

// selectText is a SELECT cut where INTO OUTFILE belongs: before the FORMAT clause, or at the end.
type selectText struct{ head, tail string }

// into completes the SELECT so that its result goes to a file in the given format; a FORMAT clause of its own wins.
func (s selectText) into(file, format string) string {
	tail := s.tail
	if tail == "" {
		tail = "FORMAT " + format
	}
	return s.head + "\nINTO OUTFILE '" + file + "' APPEND " + tail
}

// analyze takes text apart. whole says that no more text follows; without it, more = true means that the beginning seen so
// far does not decide yet. Errors are *exception, in ClickHouse's words where it has some.
func analyze(text []byte, whole bool) (st statement, more bool, err error) {
	l := &lexer{text: text}
	first, ok := l.next()
	if !ok {
		return statement{kind: statementEmpty}, !whole, nil
	}
	if l.open && !whole {
		return statement{}, true, nil
	}
	if l.is(first, "INSERT") {
		return analyzeInsert(l, whole)
	}
	if !whole {
		return statement{}, true, nil
	}

	tokens := []token{first}
	for {
		t, ok := l.next()
		if !ok {
			break
		}
		tokens = append(tokens, t)
	}
	for len(tokens) > 0 && l.punct(tokens[len(tokens)-1], ';') {
		tokens = tokens[:len(tokens)-1]
	}
	if len(tokens) == 0 {
		return statement{kind: statementEmpty}, false, nil
	}
	st.kind = statementOther
	if l.is(first, "SELECT") || l.is(first, "WITH") || l.is(first, "FROM") || l.punct(first, '(') {
		st.kind = statementSelect
	}
	formatAt := -1
	for i, t := range tokens {
		if t.depth > 0 {
			continue
		}
		next := func(n int, word string) bool { return i+n < len(tokens) && l.is(tokens[i+n], word) }
		switch {
		case l.punct(t, ';'):
			return st, false, newException(codeSyntaxError, "Syntax error (Multi-statements are not allowed): send one statement per request")
		case l.is(t, "INTO") && next(1, "OUTFILE"):
			return st, false, newException(codeIntoOutfile, "INTO OUTFILE is not allowed: the result is the answer to the request")
		case l.is(t, "INSERT") && next(1, "INTO") && l.is(first, "WITH"):
			if (&lexer{text: text}).inputFollows() {
				return st, false, errInput
			}
			st.kind = statementOther // WITH ... INSERT INTO ... SELECT
		case l.is(t, "FORMAT") && i+1 < len(tokens) && tokens[i+1].kind == tokenWord && !l.isOrder(tokens[i+1]) &&
			(i+2 == len(tokens) || next(2, "SETTINGS")):
			formatAt = i
		}
	}
	end := tokens[len(tokens)-1].end
	st.text = string(text[:end])
	st.sel = selectText{head: st.text}
	if formatAt >= 0 {
		t, name := tokens[formatAt], tokens[formatAt+1]
		st.format = string(text[name.start:name.end])
		st.sel = selectText{head: string(text[:t.start]), tail: string(text[t.start:end])}
	}
	return st, false, nil
}

// errInput refuses INSERT ... SELECT ... FROM input(...) FORMAT: the engine's streaming insert would put the data into the table as it
// comes and leave out the SELECT.
var errInput = newException(codeNotImplemented, "The table function input() is not supported here: "+
	"insert the data into a table as it is and INSERT ... SELECT from there, or shape it in the client")

// inputFollows says whether the rest of the statement, up to a FORMAT clause, reads its data through input().
func (l *lexer) inputFollows() bool {
	ahead := *l
	for t, ok := ahead.next(); ok; {
		next, more := ahead.next()
		switch {
		case t.depth == 0 && ahead.is(t, "FORMAT"):
			return false
		case ahead.is(t, "input") && more && ahead.punct(next, '('):
			return true
		}
		t, ok = next, more
	}
	return false
}

// isOrder tells "ORDER BY format DESC" from a FORMAT clause.
func (l *lexer) isOrder(t token) bool {
	return l.is(t, "ASC") || l.is(t, "DESC") || l.is(t, "NULLS") || l.is(t, "COLLATE")
}

// analyzeInsert reads an INSERT up to where its data begins, which is as far as the text may be SQL at all.
func analyzeInsert(l *lexer, whole bool) (statement, bool, error) {
	text := l.text
	undecided := func() (statement, bool, error) { return statement{}, true, nil }
	var prev token
	named := false // the table's name has been passed
	for n := 0; ; n++ {
		t, ok := l.next()
		if l.open && !whole {
			return undecided()
		}
		if !ok {
			break
		}
		if t.depth > 0 {
			prev = t
			continue
		}
		if !named {
			switch {
			case l.is(t, "INTO"), l.is(t, "TABLE"), l.is(t, "FUNCTION"):
			default:
				named = true
			}
			prev = t
			continue
		}
		dotted := l.punct(prev, '.')
		prev = t
		switch {
		case dotted:
		case l.punct(t, ';'):
			if !whole {
				return undecided()
			}
			if tail, ok := l.next(); ok && !l.punct(tail, ';') {
				return statement{}, false, newException(codeSyntaxError, "Syntax error (Multi-statements are not allowed): send one statement per request")
			}
			return statement{kind: statementInsert, text: string(text[:t.start]), data: len(text)}, false, nil
		case l.is(t, "VALUES"):
			return statement{kind: statementInsert, text: string(text[:t.start]), format: "Values", data: t.end}, false, nil
		case l.is(t, "FORMAT"):
			name, ok := l.next()
			if l.open && !whole {
				return undecided()
			}
			if !ok || name.kind != tokenWord {
				return statement{}, false, newException(codeSyntaxError, "Syntax error: FORMAT of the INSERT has no name")
			}
			return statement{kind: statementInsert, text: string(text[:t.start]), format: string(text[name.start:name.end]), data: name.end}, false, nil
		case l.is(t, "INFILE"):
			return statement{}, false, newException(codeNotImplemented, "FROM INFILE is not supported over HTTP: send the data as the request's body")
		case l.is(t, "SELECT"), l.is(t, "WITH"), l.is(t, "EXPLAIN"), l.punct(t, '(') && l.selectFollows():
			if l.inputFollows() {
				return statement{}, false, errInput
			}
			if !whole {
				return undecided()
			}
			return statement{kind: statementOther, text: strings.TrimRight(string(text), "; \t\r\n")}, false, nil
		}
	}
	return statement{kind: statementInsert, text: string(text), data: len(text)}, false, nil
}

// selectFollows looks behind an opening bracket: a column list or a SELECT?
func (l *lexer) selectFollows() bool {
	ahead := *l
	t, ok := ahead.next()
	for ok && ahead.punct(t, '(') {
		t, ok = ahead.next()
	}
	return ok && (ahead.is(t, "SELECT") || ahead.is(t, "WITH"))
}

// skipDataStart is how many bytes between FORMAT and the data belong to the statement: blanks and one line break.
func skipDataStart(b []byte) int {
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\f') {
		i++
	}
	if i < len(b) && b[i] == '\r' {
		i++
	}
	if i < len(b) && b[i] == '\n' {
		i++
	}
	return i
}
