package files

import (
	"slices"
	"strings"
	"testing"
)

// idsOf are the ids of a file's messages.
func idsOf(t *testing.T, mapping, name, text string) []string {
	t.Helper()
	all, rejected, err := convertText(t, mapping, name, text)
	if err != nil || len(rejected) > 0 {
		t.Fatal(err, rejected)
	}
	var ids []string
	for _, s := range all {
		ids = append(ids, s.MessageID)
	}
	return ids
}

const twoRows = "id,at,amount\n1,2020-01-01,5\n2,2020-01-01,5\n"

func TestIDsAreOfTheContent(t *testing.T) {
	base := idsOf(t, good, "a.csv", twoRows)
	if again := idsOf(t, good, "b.csv", "\ufeff\"id\",at,amount\r\n\r\n1,\"2020-01-01\",5\r\n2,2020-01-01,5"); !slices.Equal(base, again) {
		t.Errorf("ids depend on the file's name, quotes, line ends or empty lines: %v and %v", base, again)
	}
	if sorted := idsOf(t, good, "a.csv", "id,at,amount\n2,2020-01-01,5\n1,2020-01-01,5\n"); sorted[0] != base[1] || sorted[1] != base[0] {
		t.Errorf("ids depend on the order of the rows: %v and %v", base, sorted)
	}
	if other := idsOf(t, strings.Replace(good, "source: shop", "source: store", 1), "a.csv", twoRows); other[0] == base[0] {
		t.Error("two sources give the same id")
	}
	// More about the same event, or another event before it, is no other event.
	more := strings.Replace(good, "event: Order Completed", "events: [{type: identify, time: received}, {event: Order Completed, kind: purchase}]", 1)
	more = strings.Replace(more, "properties:\n  value: {column: amount, type: decimal}\n", "", 1)
	if ids := idsOf(t, more, "a.csv", twoRows); len(ids) != 4 || ids[1] != base[0] || ids[3] != base[1] {
		t.Errorf("another event in the mapping changes ids: %v and %v", base, ids)
	}
	if base[0] == base[1] || len(base[0]) != 36 || base[0][14] != '5' || !strings.Contains("89ab", base[0][19:20]) {
		t.Errorf("no two UUIDs of version 5: %v", base)
	}
}

// TestIDsNeverChange holds the ids of one file as they were when this was first released: what people loaded then must
// count as a duplicate for ever.
func TestIDsNeverChange(t *testing.T) {
	for id, want := range map[string]string{
		"content": "e765ddce-890a-5488-9526-e380b78c5aa1",
		"line":    "f6df33de-df2d-5767-aba0-a92bf7a6723c",
		"[id]":    "ef5348e9-d5c8-52fe-9dd9-268ba3281968",
	} {
		if got := idsOf(t, good+"id: "+id+"\n", "a.csv", twoRows)[1]; got != want {
			t.Errorf("id: %s gives %s, and it was %s", id, got, want)
		}
	}
}

func TestIdenticalRowsCountEach(t *testing.T) {
	text := "id,at,amount\n" + strings.Repeat("1,2020-01-01,5\n", 3)
	ids := idsOf(t, good, "a.csv", text)
	if len(ids) != 3 || ids[0] == ids[1] || ids[1] == ids[2] || ids[0] == ids[2] {
		t.Errorf("ids of three identical rows: %v", ids)
	}
	if more := idsOf(t, good, "a.csv", text+"1,2020-01-01,5\n"); !slices.Equal(more[:3], ids) {
		t.Errorf("a longer file changes ids: %v and %v", ids, more)
	}
}

func TestIDRules(t *testing.T) {
	text := twoRows + "1,2020-01-01,5\n"
	lines := idsOf(t, good+"id: line\n", "a.csv", text)
	if lines[0] == lines[2] || lines[0] == lines[1] {
		t.Errorf("id: line does not tell lines apart: %v", lines)
	}
	columns := idsOf(t, good+"id: [id, at]\n", "a.csv", strings.Replace(text, "1,2020-01-01,5\n2", "1,2020-01-01,6\n2", 1))
	if columns[0] != columns[2] || columns[0] == columns[1] {
		t.Errorf("id: [id, at] does not go by these columns: %v", columns)
	}
	_, rejected, err := convertText(t, strings.Replace(good, `userId: "{id}"`, `anonymousId: "{amount}"`, 1)+"id: [id]\n", "a.csv", "id,at,amount\n,2020-01-01,5\n")
	if err != nil || len(rejected) != 1 || rejected[0].Reason != "every column of the id is empty" {
		t.Errorf("a row without its id: %v, %v", rejected, err)
	}
	own := idsOf(t, good+"messageId: 'order-{id}'\n", "a.csv", twoRows)
	if !slices.Equal(own, []string{"order-1", "order-2"}) {
		t.Errorf("messageId as the mapping gives it: %v", own)
	}
}
