package queries

import (
	"fmt"
	"regexp"
	"strings"
)

// Query is one file of the catalogue.
type Query struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`         // one sentence
	Doc     string   `json:"doc,omitempty"` // paragraphs after the title, divided by empty lines
	Params  []Param  `json:"params"`
	Columns []Column `json:"columns"`
	SQL     string   `json:"-"` // the statement without its header, with {name:Type} placeholders, no semicolon
	Text    string   `json:"-"` // the whole file, as it can be pasted into a ClickHouse client
}

// Param is a value the caller may, or must, give.
type Param struct {
	Name     string `json:"name"`
	Type     string `json:"type"` // ClickHouse type, one of those in value.go
	Required bool   `json:"required"`
	Default  string `json:"default"` // as a caller would write it: now-90d, 100, page_view,purchase; "" when required
	Bounds   *Range `json:"bounds,omitempty"`
	Doc      string `json:"doc,omitempty"`
}

// Range bounds a number, or the number of elements of an array; both ends are allowed values.
type Range struct {
	Min int64 `json:"min"`
	Max int64 `json:"max"`
}

// Column is one column of the answer, in order.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"` // as DESCRIBE names it
	Doc  string `json:"doc,omitempty"`
}

// Param returns the parameter of that name.
func (q Query) Param(name string) (Param, bool) {
	for _, p := range q.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

// placeholder finds {name:Type}; types hold no braces.
var placeholder = regexp.MustCompile(`\{([a-zA-Z_][a-zA-Z0-9_]*):([^{}]+)\}`)

// check holds the statement against its header: each placeholder declared with the same type, each parameter used.
func (q Query) check() error {
	body := blank(q.SQL)
	used := map[string]bool{}
	for _, m := range placeholder.FindAllStringSubmatch(body, -1) {
		p, ok := q.Param(m[1])
		if !ok {
			return fmt.Errorf("query %s: the statement uses {%s:%s}, which no param line declares", q.Name, m[1], m[2])
		}
		if m[2] != p.Type {
			return fmt.Errorf("query %s: the statement uses {%s:%s}, its param line says %s", q.Name, m[1], m[2], p.Type)
		}
		used[p.Name] = true
	}
	for _, p := range q.Params {
		if !used[p.Name] {
			return fmt.Errorf("query %s: param %s is declared but the statement does not use it", q.Name, p.Name)
		}
	}
	if strings.Contains(body, ";") {
		return fmt.Errorf("query %s: one statement per file, without a semicolon", q.Name)
	}
	return nil
}

// blank replaces string literals and comments by spaces of the same length, so that what they hold is not read as SQL and
// offsets stay as they are.
func blank(sql string) string {
	out := []byte(sql)
	hide := func(from, to int) {
		for i := from; i < to; i++ {
			if out[i] != '\n' {
				out[i] = ' '
			}
		}
	}
	for i := 0; i < len(sql); {
		end := i + 1
		switch {
		case sql[i] == '\'':
			for end < len(sql) && sql[end] != '\'' {
				if sql[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(sql))
			hide(i, end)
		case strings.HasPrefix(sql[i:], "--"):
			if n := strings.IndexByte(sql[i:], '\n'); n >= 0 {
				end = i + n
			} else {
				end = len(sql)
			}
			hide(i, end)
		case strings.HasPrefix(sql[i:], "/*"):
			if n := strings.Index(sql[i+2:], "*/"); n >= 0 {
				end = i + 2 + n + 2
			} else {
				end = len(sql)
			}
			hide(i, end)
		}
		i = end
	}
	return string(out)
}
