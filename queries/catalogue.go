// Package queries is the catalogue of named questions to the warehouse: one .sql file per question, with a header that says
// which parameters it takes and which columns it answers with. The same text serves the command line, the HTTP API and the
// dashboards.
//
// The package sees the database through [DB], one method of a clickhouse-go connection over HTTP.
package queries

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
	"sync"

	"github.com/livello/livello/internal/handwritten"
)

//go:embed sql/*.sql
var files embed.FS

// Set holds queries by name. It does not change after it was loaded, so it is safe for concurrent use.
type Set struct {
	byName map[string]Query
	names  []string // sorted
}

var builtin = sync.OnceValues(func() (*Set, error) {
	sub, err := fs.Sub(files, "sql")
	if err != nil {
		return nil, fmt.Errorf("open the built-in catalogue: %w", err)
	}
	return Load(sub)
})

// Catalogue returns the queries this binary was built with. It is parsed once.
func Catalogue() (*Set, error) { return builtin() }

// Load reads every *.sql file at the top of fsys; the name of a query is its file's name without .sql. All mistakes in all
// headers are reported together, each with its file and line.
func Load(fsys fs.FS) (*Set, error) {
	paths, err := fs.Glob(fsys, "*.sql")
	if err != nil {
		return nil, fmt.Errorf("list queries: %w", err)
	}
	set := &Set{byName: make(map[string]Query, len(paths))}
	var problems []error
	for _, p := range paths {
		text, err := fs.ReadFile(fsys, p)
		if err != nil {
			return nil, fmt.Errorf("read query %s: %w", p, err)
		}
		q, err := Parse(strings.TrimSuffix(path.Base(p), ".sql"), string(text))
		if err != nil {
			problems = append(problems, err)
			continue
		}
		set.byName[q.Name] = q
		set.names = append(set.names, q.Name)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	sort.Strings(set.names)
	return set, nil
}

// All returns the queries, sorted by name.
func (s *Set) All() []Query {
	all := make([]Query, 0, len(s.names))
	for _, n := range s.names {
		all = append(all, s.byName[n])
	}
	return all
}

// Get returns the query of that name, or an [*Error] with code unknown_query that suggests names close to it.
func (s *Set) Get(name string) (Query, error) {
	if q, ok := s.byName[name]; ok {
		return q, nil
	}
	help := "the catalogue has: " + strings.Join(s.names, ", ")
	if near := handwritten.Nearest(name, s.names); len(near) > 0 {
		help = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return Query{}, &Error{Code: CodeUnknownQuery, Field: "name", Message: fmt.Sprintf("there is no query %q", clip(name)), Help: help}
}
