package queries

import (
	"fmt"
	"io"
	"strings"
)

// WriteDocs writes the reference of the catalogue as Markdown: docs/queries.md is this.
func (s *Set) WriteDocs(w io.Writer) error {
	var b strings.Builder
	b.WriteString(docsIntro)
	for _, q := range s.All() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s |\n", q.Name, q.Name, cell(q.Title))
	}
	for _, q := range s.All() {
		q.writeDocs(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

const docsIntro = `# Queries

The catalogue of named questions, one file each in ` + "`queries/sql`" + `. This page is generated from their headers: change those, then
` + "`go test ./queries -run TestDocs -update`" + `.

On the command line: ` + "`livello query <name> [param=value ...] [-o table|json|csv|ndjson]`" + `. Over HTTP, with a read key:
` + "`GET /v1/queries/<name>?param=value&format=json|csv|ndjson|table`" + ` (or ` + "`Accept`" + `); ` + "`GET /v1/queries`" + ` lists them. In SQL: paste the file and
set its parameters (` + "`SET param_from = '2026-01-01'`" + `), or give them to the client as ` + "`--param_from`" + `.

**Values.** Times: ` + "`now`, `now-90d`" + ` (m, h, d, w), ` + "`today`, `2026-01-31`, `2026-01-31T12:00:00`" + ` (UTC), ` + "`2026-01-31T12:00:00+02:00`" + ` (in a URL ` + "`+`" + ` is
written ` + "`%2B`" + `); from is inclusive, to is exclusive. Lists: ` + "`a,b`" + `, or ` + "`[\"a\",\"b\"]`" + ` where a value holds a comma; over HTTP also repeated,
` + "`steps=a&steps=b`" + `. Values are checked, then bound by the driver; they never become a part of the SQL.

**Answers.** Rates are 0..1 and stand beside their numerator and denominator. Where people are a sample of those to come, low and high
are the Wilson 95 % interval; below 15 the note says "too few to tell". Money is kept apart by currency. Events of machines (bots, mail
scanners) do not count unless a column says so. An answer that passes a limit (60 s, 1,000,000 rows, 4 GiB by default) is an error,
never a part; a table shows its first 10,000 rows and says so.

**Errors.** ` + "`{\"error\":{\"code\":\"invalid_param\",\"field\":\"from\",\"message\":\"...\",\"help\":\"...\"}}`" + ` with status 400 (unknown_param, missing_param,
invalid_param, unknown_format), 404 (unknown_query), 422 (too_many_rows, too_much_memory), 504 (too_slow). When an answer fails after its
first megabyte was sent, the connection is closed without the end of the answer.

| query | answers |
|---|---|
`

func (q Query) writeDocs(b *strings.Builder) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n", q.Name, q.Title)
	if q.Doc != "" {
		fmt.Fprintf(b, "\n%s\n", q.Doc)
	}
	if len(q.Params) > 0 {
		b.WriteString("\n| parameter | type | default | meaning |\n|---|---|---|---|\n")
	}
	for _, p := range q.Params {
		def := "`" + p.Default + "`"
		if p.Required {
			def = "required"
		} else if p.Default == "" {
			def = "empty"
		}
		doc := p.Doc
		if p.Bounds != nil {
			doc = strings.TrimSpace(fmt.Sprintf("%s (%s)", doc, p.bounds()))
		}
		fmt.Fprintf(b, "| %s | `%s` | %s | %s |\n", p.Name, p.Type, def, cell(doc))
	}
	b.WriteString("\n| column | type | meaning |\n|---|---|---|\n")
	for _, c := range q.Columns {
		fmt.Fprintf(b, "| %s | `%s` | %s |\n", c.Name, c.Type, cell(c.Doc))
	}
}

// bounds says what is allowed: 1 to 10, or 2 to 10 values.
func (p Param) bounds() string {
	s := fmt.Sprintf("%d to %d", p.Bounds.Min, p.Bounds.Max)
	if strings.HasPrefix(p.Type, "Array(") {
		s += " values"
	}
	return s
}

// cell makes text fit for a cell of a Markdown table.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }
