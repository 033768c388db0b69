package main

import (
	"slices"
	"testing"
)

func TestStrays(t *testing.T) {
	got := strays([]string{"HOME=/root", "LIVELLO_LIMITS_BODY=1MiB", "LIVELLO_LIMTS_BODY=1MiB", "LIVELLO_BATCH=2", "LIVELLO_CONFIG=x.yaml", "LIVELLO_PORT_8080_TCP_PROTO=tcp", "LIVELLO_SOURCES=shop"})
	want := []string{"LIVELLO_BATCH (did you mean LIVELLO_LIMITS_BATCH?)", "LIVELLO_LIMTS_BODY (did you mean LIVELLO_LIMITS_BODY?)", "LIVELLO_PORT_8080_TCP_PROTO",
		"LIVELLO_SOURCES (sources stands in the file of --config)"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
