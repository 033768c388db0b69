package dashboards

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/livello/livello/queries"
)

// own are the few queries that only a board asks, in the form of the catalogue. A number that is also wanted elsewhere belongs
// into package queries.
//
//go:embed sql/*.sql
var own embed.FS

// answer is a query of the catalogue as a panel asks it.
type answer struct {
	query queries.Query
	sql   string
}

// catalogue finds queries for the panels of one board. The first mistake is kept in err, so that a board can be written down
// without an if after every panel; all answers after it are empty.
type catalogue struct {
	sets []*queries.Set
	err  error
}

func newCatalogue() *catalogue {
	shared, err := queries.Catalogue()
	if err != nil {
		return &catalogue{err: err}
	}
	folder, err := fs.Sub(own, "sql")
	if err != nil {
		return &catalogue{err: fmt.Errorf("open the boards' own queries: %w", err)}
	}
	ours, err := queries.Load(folder)
	return &catalogue{sets: []*queries.Set{shared, ours}, err: err}
}

// ask returns a query as it stands, over the board's time range. params are given as name, value, name, value.
func (c *catalogue) ask(name string, params ...string) answer { return c.pick(name, "", params...) }

// pick asks a query and keeps of its answer what a panel shows: selection is SQL over a table called answer, which is the
// query's result. It may pick, rename, group and format; what a number means is the query's to say.
func (c *catalogue) pick(name, selection string, params ...string) answer {
	if c.err != nil {
		return answer{}
	}
	q, err := c.find(name)
	if err != nil {
		c.err = err
		return answer{}
	}
	values := map[string]string{}
	for i := 0; i+1 < len(params); i += 2 {
		values[params[i]] = params[i+1]
	}
	sql, err := q.Grafana(values)
	if err != nil {
		c.err = err
		return answer{}
	}
	if selection != "" {
		sql = "WITH answer AS\n(\n" + indent(sql) + "\n)\n" + selection
	}
	return answer{query: q, sql: sql}
}

func (c *catalogue) find(name string) (q queries.Query, err error) {
	for _, set := range c.sets {
		if q, err = set.Get(name); err == nil {
			return q, nil
		}
	}
	return q, err
}

// about is the description of a panel: what the query's header says, with the meaning of the named columns.
func (a answer) about(columns ...string) string {
	var out strings.Builder
	out.WriteString(a.query.Title)
	for _, name := range columns {
		for _, c := range a.query.Columns {
			if c.Name == name && c.Doc != "" {
				fmt.Fprintf(&out, "\n\n**%s**: %s", name, c.Doc)
			}
		}
	}
	if a.query.Doc != "" {
		out.WriteString("\n\n" + strings.ReplaceAll(a.query.Doc, "\n", " "))
	}
	fmt.Fprintf(&out, "\n\nQuery: `%s`", a.query.Name)
	return out.String()
}

// money writes a map of amounts by currency as text, such as "EUR 1234.50, USD 20": currencies are never added up.
func money(column string) string {
	return "arrayStringConcat(arrayMap((currency, amount) -> trim(concat(currency, ' ', toString(round(amount, 2)))), mapKeys(" +
		column + "), mapValues(" + column + ")), ', ')"
}

// onChannels keeps the rows of the channels chosen above the board; when there is none to choose yet, all.
const onChannels = "(empty([${channel:singlequote}]) OR has([${channel:singlequote}], toString(channel)))"

func indent(sql string) string {
	return "    " + strings.ReplaceAll(sql, "\n", "\n    ")
}
