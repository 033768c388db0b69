package embedded

import (
	"fmt"
	"strings"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// clickhouse-go asks this first on every connection, and reads the answer as Native of the newest protocol revision, with
// block info. The library writes Native of revision 0. Answering this one query in the form that is expected, with
// revision() = 0, makes the driver read revision 0 from then on.
const helloQuery = "SELECT displayName(), version(), revision(), timezone()"

func isHello(q *request) bool {
	return q.protocol > 0 && q.text == helloQuery && strings.EqualFold(q.format, "Native")
}

func (h *handler) hello(q *request, a *answer) error {
	block := proto.NewBlock()
	for _, c := range []struct{ name, kind string }{
		{"displayName()", "String"}, {"version()", "String"}, {"revision()", "UInt32"}, {"timezone()", "String"},
	} {
		if err := block.AddColumn(c.name, column.Type(c.kind)); err != nil {
			return fmt.Errorf("answer hello: %w", err)
		}
	}
	if err := block.Append(displayName, h.engine.version, uint32(0), "UTC"); err != nil {
		return fmt.Errorf("answer hello: %w", err)
	}
	buf := new(chproto.Buffer)
	if err := block.Encode(buf, uint64(q.protocol)); err != nil {
		return fmt.Errorf("answer hello: %w", err)
	}
	a.begin("Native", &stats{resultRows: 1})
	if _, err := a.Write(buf.Buf); err != nil {
		return nil
	}
	return a.finish(nil)
}
