package definitions_test

import (
	"context"
	"testing"

	"github.com/livello/livello/test/engine"
)

func TestEnsure(t *testing.T) {
	w := engine.Migrated(t)
	var text string
	if err := w.QueryRow(context.Background(), "SELECT toString(tuple(d.* EXCEPT (source, complete, free_mail))) FROM definition AS d").Scan(&text); err != nil {
		t.Fatal(err)
	}
	t.Log(text)
	if err := w.QueryRow(context.Background(), "SHOW CREATE TABLE person_signals_mv").Scan(&text); err != nil {
		t.Fatal(err)
	}
	t.Log(text)
}
