package schema_test

import (
	"context"
	"testing"
	"time"

	"github.com/livello/livello/schema"
	"github.com/livello/livello/test/engine"
)

func TestSecondRunAppliesNothing(t *testing.T) {
	ctx := context.Background()
	w := engine.Open(t)
	t0 := time.Now()
	applied, err := schema.Up(ctx, w, schema.Options{})
	t.Log(time.Since(t0), applied)
	if err != nil {
		t.Fatal(err)
	}
	again, err := schema.Up(ctx, w, schema.Options{})
	if err != nil || len(again) > 0 {
		t.Fatalf("second run: %v, %v; want nothing to do", again, err)
	}
}
