package event

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
)

// What is left of a block is what a block of the others would be, byte for byte.
func TestAppendWithout(t *testing.T) {
	row := func(i int, user, device, previous string) Row {
		return Row{EventID: uuid.NewSHA1(uuid.Nil, []byte{byte(i)}), Type: "track", Kind: "page_view", Name: fmt.Sprint("of ", user), UserID: user, AnonymousID: device, PreviousID: previous,
			Properties: []Property{{Key: fmt.Sprint("k", user), Value: user}}}
	}
	block := func(rows ...Row) *Columns {
		c := New()
		for i := range rows {
			c.Append(&rows[i])
		}
		return c
	}
	src := block(row(1, "ada", "dev-1", ""), row(2, "bob", "dev-1", ""), row(3, "", "dev-1", ""), row(4, "bob", "dev-2", "ada"), row(5, "bob", "dev-2", ""), row(6, "bobby", "dev-", "ad"))
	got := block(row(0, "carla", "dev-1", "ada")) // what is there already stays
	left, blanked := got.AppendWithout(src, map[string]bool{"ada": true, "dev-1": true})
	want := block(row(0, "carla", "dev-1", "ada"), row(2, "bob", "", ""), row(4, "bob", "dev-2", ""), row(5, "bob", "dev-2", ""), row(6, "bobby", "dev-", "ad"))
	if left != 2 || blanked != 2 || got.Rows() != 5 {
		t.Errorf("%d left out, %d blanked, %d rows", left, blanked, got.Rows())
	}
	if string(got.EncodeBlock(nil)) != string(want.EncodeBlock(nil)) {
		t.Errorf("the rest is not as if they had never been there:\n%q\n%q", got.EncodeBlock(nil), want.EncodeBlock(nil))
	}
}
