package embedded_test

import (
	"strings"
	"testing"

	"github.com/livello/livello/warehouse/embedded"
)

// Sessions are used again; nothing of one request may reach another.
func TestRequestsDoNotSeeEachOther(t *testing.T) {
	base := owner(t)
	analyst := reader(t, embedded.ReadOnlyOptions{Database: "system"})
	const state = "SELECT currentDatabase(), getSetting('max_block_size'), getSetting('readonly'), length(currentRoles()), (SELECT count() FROM system.tables WHERE is_temporary AND name = 'tmp')"
	want := map[string]string{"owner": "default\t65409\t0\t2\t0\n", "reader": "system\t65409\t1\t1\t0\n"}
	for range 2 {
		for _, r := range []struct {
			sql  string
			args []string
		}{
			{"USE information_schema", nil},
			{"SET max_block_size = 5", nil},
			{"SET ROLE reader", nil},
			{"CREATE TEMPORARY TABLE tmp (n UInt8)", nil},
			{"SELECT 1", []string{"max_block_size=6"}},
			{"SELECT 1 SETTINGS max_block_size = 7", nil},
			{"SELECT throwIf(1) SETTINGS max_block_size = 8", nil},
			{"SELECT number FROM numbers(3000000) WHERE NOT throwIf(number = 2900000) SETTINGS max_block_size = 9000", nil},
			{"INSERT INTO FUNCTION null('a UInt8') SETTINGS max_block_size = 9 VALUES (1)", nil},
			{"INSERT INTO FUNCTION null('a UInt8') SETTINGS max_block_size = 9 FORMAT CSV x", nil},
			{"SELECT {a:UInt8}", []string{"param_a=1"}},
			{"SELECT 1", []string{"database=information_schema"}},
			{"SELECT 1", []string{"readonly=1"}},
		} {
			send(t, base, r.sql, r.args...)
			send(t, analyst, r.sql, r.args...)
			if got := send(t, base, state).body; got != want["owner"] {
				t.Fatalf("owner after %s %v: %q, want %q", r.sql, r.args, got, want["owner"])
			}
			if got := send(t, analyst, state).body; got != want["reader"] {
				t.Fatalf("reader after %s %v: %q, want %q", r.sql, r.args, got, want["reader"])
			}
		}
		if r := send(t, base, "SELECT {a:UInt8}"); r.header.Get("X-ClickHouse-Exception-Code") != "456" {
			t.Errorf("a parameter of another request: %s", r.body)
		}
	}
	// What a client sets must not blind the guard to what it reads.
	path, secret := secretFile(t)
	for _, setting := range []string{"limit=0", "limit=1", "offset=100", "max_rows_to_read=1", "max_result_rows=1", "final=1", "extremes=1"} {
		for range 2 {
			if r := send(t, analyst, "SELECT file('"+path+"')", setting, "result_overflow_mode=break", "read_overflow_mode=break"); strings.Contains(r.body, secret) || r.status == 200 {
				t.Errorf("%s: %s", setting, r.body)
			}
		}
	}
}
