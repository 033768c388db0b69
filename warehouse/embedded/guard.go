package embedded

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"unsafe"
)

// guard decides what a reader may run. Most of the work is the engine's: role "reader" has SELECT on the readable databases
// and no right to any source (files, URLs, other databases), and readonly=1 stops SET and SETTINGS. Five things have no
// right that could be withheld, and are looked for here before the statement runs:
//
//   - statements that are no reading at all, such as SET ROLE owner or INTO OUTFILE: the engine's classifier says so;
//   - the function file(), which reads any file of the machine and can be called by its bare name as well, as in
//     arrayMap(file, [...]) or SELECT * APPLY(file);
//   - table functions with a structure argument: generateRandom('a Int8, b String ALIAS file(”/etc/passwd”)') runs what
//     its text says, and that text may be an expression;
//   - SETTINGS in a subquery, which the engine applies without asking readonly;
//   - {f:Identifier} parameters, through which a name gets into the statement from outside its text.
//
// Names are looked for in the tokens that the engine's own lexer finds (tokenizeQuery), so that comments, quoting and case
// count for what the engine takes them for. A token that could be read in two ways is refused.
type guard struct {
	tableFunctions map[string]bool // lower case, those a reader may not call
}

// safeTableFunctions compute from their arguments or read tables by the reader's own rights.
var safeTableFunctions = map[string]bool{
	"numbers": true, "numbers_mt": true, "zeros": true, "zeros_mt": true, "generateseries": true, "generate_series": true,
	"primes": true, "view": true, "merge": true, "loop": true, "dictionary": true,
	// A function of the same name formats text; the table function needs a right that readers lack.
	"format": true,
}

// forbiddenFunctions read or reach outside the database by themselves and need no right.
var forbiddenFunctions = map[string]bool{
	"file": true, "catboostevaluate": true, "logtrace": true,
	"addresstoline": true, "addresstolinewithinlines": true, "addresstosymbol": true,
	"aigenerate": true, "aiclassify": true, "aiextract": true, "aitranslate": true, "aiembed": true,
}

func newGuard(tableFunctions map[string]bool) guard {
	g := guard{tableFunctions: map[string]bool{}}
	for name := range tableFunctions {
		if lower := strings.ToLower(name); !safeTableFunctions[lower] {
			g.tableFunctions[lower] = true
		}
	}
	return g
}

// queryAnalysis is chdb_query_analysis_v1.
type queryAnalysis struct {
	size, statements, flags, class uint32
}

const classReadOnly = 0

// classify asks the engine's parser what a statement would do. It executes nothing.
func (s *session) classify(sql string) (queryAnalysis, error) {
	a := queryAnalysis{size: uint32(unsafe.Sizeof(queryAnalysis{}))}
	text := []byte(sql)
	state := s.engine.lib.classify(s.conn, pointer(text), uintptr(len(text)), pointer(nil), 0, unsafe.Pointer(&a))
	runtime.KeepAlive(text)
	if state != 0 {
		return a, fmt.Errorf("classify statement: the engine refused to look at it")
	}
	return a, nil
}

// check refuses what a reader may not run. The session must have nothing of the client's in it.
func (g guard) check(ctx context.Context, s *session, sql string, params []param) error {
	a, err := s.classify(sql)
	if err != nil {
		return err
	}
	switch {
	case a.statements == 0:
		return nil // it does not parse: the engine will say why, in its own words
	case a.statements > 1:
		return newException(codeSyntaxError, "Syntax error (Multi-statements are not allowed): send one statement per request")
	case a.class != classReadOnly:
		return newException(codeReadonly, "Cannot execute query in readonly mode: this endpoint takes SELECT, SHOW, DESCRIBE, EXISTS and EXPLAIN")
	}
	names, err := s.identifiers(ctx, sql)
	if err != nil {
		return err
	}
	placeholders := false
	for _, name := range names {
		lower := strings.ToLower(name.text)
		switch {
		case name.unclear:
			return newException(codeAccessDenied, "a quoted identifier with a backslash is not allowed on this endpoint")
		case forbiddenFunctions[lower] && !name.afterDot:
			return newException(codeAccessDenied, fmt.Sprintf("the name %s is not allowed on this endpoint, because a function of this name reads outside the database; write a column of this name as table.%[1]s", name.text))
		case g.tableFunctions[lower] && name.called:
			return newException(codeAccessDenied, fmt.Sprintf("the table function %s is not allowed on this endpoint", name.text))
		case name.setting:
			return newException(codeReadonly, "SETTINGS in a query is not allowed on this endpoint: send settings as URL parameters")
		case lower == "identifier":
			placeholders = true
		}
	}
	if placeholders {
		for _, p := range params {
			if err := checkIdentifierParam(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkIdentifierParam looks at the value of a parameter in a statement that has {x:Identifier} somewhere.
func checkIdentifierParam(p param) error {
	for _, part := range strings.FieldsFunc(p.value, func(r rune) bool { return strings.ContainsRune("`\".\\ \t\r\n", r) }) {
		if forbiddenFunctions[strings.ToLower(part)] {
			return newException(codeAccessDenied, fmt.Sprintf("parameter %s: the name %s is not allowed as an identifier on this endpoint", p.name, part))
		}
	}
	if strings.Contains(p.value, `\`) {
		return newException(codeAccessDenied, fmt.Sprintf("parameter %s: a backslash is not allowed beside an Identifier parameter on this endpoint", p.name))
	}
	return nil
}

// identifier is a name in a statement, decoded.
type identifier struct {
	text     string
	afterDot bool // part of a compound name such as t.name
	called   bool // followed by an opening bracket
	setting  bool // the word SETTINGS before a name and an equals sign
	unclear  bool // has escapes that are not decoded here
}

// identifiers lists the names in a statement as the engine's own lexer finds them.
func (s *session) identifiers(ctx context.Context, sql string) ([]identifier, error) {
	const tokens = "SELECT t.1, t.2, toString(t.3) FROM (SELECT arrayJoin(tokenizeQuery({sql:String})) AS t)"
	out, _, err := s.query(ctx, tokens, "TSVRaw", []param{{"sql", escapeTSV(sql)}})
	if err != nil {
		return nil, fmt.Errorf("tokenize statement: %w", err)
	}
	var names []identifier
	last, before := "", "" // kinds of the last tokens that mean anything
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			return nil, fmt.Errorf("tokenize statement: unexpected answer %q", line)
		}
		start, err1 := strconv.Atoi(fields[0])
		end, err2 := strconv.Atoi(fields[1])
		kind := fields[2]
		if err1 != nil || err2 != nil || start < 0 || end < start || end > len(sql) {
			return nil, fmt.Errorf("tokenize statement: unexpected answer %q", line)
		}
		switch kind {
		case "Whitespace", "Comment":
			continue
		case "BareWord":
			names = append(names, identifier{text: sql[start:end], afterDot: last == "Dot"})
		case "QuotedIdentifier":
			name := decodeQuoted(sql[start:end])
			name.afterDot = last == "Dot"
			names = append(names, name)
		case "OpeningRoundBracket":
			if isName(last) && len(names) > 0 {
				names[len(names)-1].called = true
			}
		case "Equals":
			if n := len(names); n > 1 && isName(last) && before == "BareWord" && strings.EqualFold(names[n-2].text, "SETTINGS") {
				names[n-2].setting = true
			}
		}
		last, before = kind, last
	}
	return names, nil
}

func isName(kind string) bool { return kind == "BareWord" || kind == "QuotedIdentifier" }

// decodeQuoted takes the quotes off an identifier. Doubled quotes stand for one; a backslash makes it unclear.
func decodeQuoted(text string) identifier {
	if strings.Contains(text, `\`) {
		return identifier{unclear: true}
	}
	for _, quotes := range [][2]string{{"`", "`"}, {`"`, `"`}, {"“", "”"}} {
		if inner, ok := strings.CutPrefix(text, quotes[0]); ok {
			inner = strings.TrimSuffix(inner, quotes[1])
			return identifier{text: strings.ReplaceAll(inner, quotes[1]+quotes[1], quotes[1])}
		}
	}
	return identifier{unclear: true}
}

// escapeTSV escapes text as query parameters want it, NUL bytes included.
func escapeTSV(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`, "\b", `\b`, "\f", `\f`).Replace(s)
}
