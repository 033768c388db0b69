package queries_test

import (
	"testing"

	"github.com/livello/livello/queries"
)

func TestCatalogueParses(t *testing.T) {
	set, err := queries.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range set.All() {
		if q.Title == "" || len(q.Columns) == 0 {
			t.Errorf("%s: title %q, %d columns", q.Name, q.Title, len(q.Columns))
		}
	}
}
