package event

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// decoded is a block as an independent reader (ch-go) sees it: per row, the text of some columns of every kind.
type decoded struct {
	EventID          uuid.UUID
	Name, DistinctID string
	Time             time.Time
	Value            int64
	Score            string
	Properties       map[string]string
}

// decode reads a block with ch-go, which knows nothing of this package.
func decode(t interface{ Fatalf(string, ...any) }, block []byte) []decoded {
	var (
		results    proto.Results
		id         proto.ColUUID
		ts         = new(proto.ColDateTime64).WithPrecision(proto.PrecisionMilli)
		name       = proto.NewLowCardinality(new(proto.ColStr))
		distinct   proto.ColStr
		value      proto.ColDecimal64
		score      = proto.NewColNullable[float32](new(proto.ColFloat32))
		properties = proto.NewMap(proto.NewLowCardinality(new(proto.ColStr)), new(proto.ColStr))
	)
	for _, f := range New().fields {
		var data proto.ColResult
		switch f.name {
		case "event_id":
			data = &id
		case "name":
			data = name
		case "ts":
			data = ts
		case "distinct_id":
			data = &distinct
		case "value":
			data = &value
		case "score":
			data = score
		case "properties":
			data = properties
		default:
			auto := new(proto.ColAuto)
			if err := auto.Infer(proto.ColumnType(f.typ)); err != nil {
				t.Fatalf("infer %s: %v", f.typ, err)
			}
			data = auto.Data.(proto.ColResult) // ColAuto itself would not read a dictionary's state
		}
		results = append(results, proto.ResultColumn{Name: f.name, Data: data})
	}
	var rows []decoded
	reader := proto.NewReader(bytes.NewReader(block))
	var b proto.Block
	if err := b.DecodeRawBlock(reader, 0, results); err != nil {
		t.Fatalf("decode with ch-go: %v", err)
	}
	for i := range b.Rows {
		rows = append(rows, decoded{
			EventID: id.Row(i), Name: name.Row(i), DistinctID: distinct.Row(i), Time: ts.Row(i).UTC(),
			Value: int64(value.Row(i)), Score: fmt.Sprint(score.Row(i)), Properties: properties.Row(i),
		})
	}
	return rows
}

// expected is what decode must see of a row.
func expected(r Row) decoded {
	score := proto.Nullable[float32]{Set: r.Score.Valid, Value: r.Score.Value}
	properties := map[string]string{}
	for _, p := range r.Properties {
		properties[p.Key] = p.Value
	}
	return decoded{r.EventID, r.Name, r.DistinctID(), time.UnixMilli(r.Time).UTC(), r.Value, fmt.Sprint(score), properties}
}

func anyRow() *rapid.Generator[Row] {
	return rapid.Custom(func(t *rapid.T) Row {
		row := Row{
			EventID:     uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")),
			Name:        rapid.SampledFrom([]string{"", "Order Completed", "Page Viewed", "ü\x00"}).Draw(t, "name"),
			Time:        rapid.Int64Range(0, 1<<42).Draw(t, "time"),
			UserID:      rapid.StringN(0, 5, -1).Draw(t, "user"),
			AnonymousID: rapid.StringN(0, 200, -1).Draw(t, "anonymous"),
			Value:       rapid.Int64Range(-MaxValue, MaxValue).Draw(t, "value"),
			UTMCampaign: fmt.Sprint(rapid.IntRange(0, 400).Draw(t, "campaign")),
		}
		if rapid.Bool().Draw(t, "scored") {
			row.Score = Float{float32(rapid.IntRange(-5, 10).Draw(t, "score")), true}
		}
		for key, value := range rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", "c.d"}), rapid.String(), 0, 3).Draw(t, "properties") {
			row.Properties = append(row.Properties, Property{key, value})
		}
		return row
	})
}

// Merging, filtering, encoding and using the same Columns again must give what an independent reader decodes to the rows
// that were put in.
func TestBlocksReadBackAsWritten(t *testing.T) {
	group, request := New(), New()
	rapid.Check(t, func(t *rapid.T) {
		group.Reset()
		var want []decoded
		for range rapid.IntRange(1, 4).Draw(t, "requests") {
			request.Reset()
			rows := rapid.SliceOfN(anyRow(), 0, 30).Draw(t, "rows")
			keep := make([]bool, len(rows))
			all := rapid.Bool().Draw(t, "all")
			for i := range rows {
				request.Append(&rows[i])
				if keep[i] = all || rapid.Bool().Draw(t, "keep"); keep[i] {
					want = append(want, expected(rows[i]))
				}
			}
			if all {
				group.AppendAll(request)
			} else {
				group.AppendWhere(request, keep)
			}
		}
		block := group.EncodeBlock(nil)
		if len(want) == 0 {
			if len(block) != 0 {
				t.Fatalf("an empty block is %d bytes", len(block))
			}
			return
		}
		if diff := cmp.Diff(want, decode(t, block)); diff != "" {
			t.Fatalf("(-put in +read back)\n%s", diff)
		}
		twice := New()
		for range 2 {
			if err := twice.AppendBlock(block); err != nil {
				t.Fatal(err)
			}
		}
		if err := twice.AppendBlock(block[:len(block)-1]); err == nil {
			t.Fatal("a block without its last byte was taken")
		}
		if diff := cmp.Diff(append(want, want...), decode(t, twice.EncodeBlock(nil))); diff != "" {
			t.Fatalf("appended twice (-want +got)\n%s", diff)
		}
		ids, err := BlockEventIDs(nil, block)
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range ids {
			if id != want[i].EventID {
				t.Fatalf("event id %d is %s, want %s", i, id, want[i].EventID)
			}
		}
	})
}

// A column with more distinct values than fit an index of one or two bytes, and dictionaries past the bound on what is
// remembered between blocks.
func TestManyDistinctValues(t *testing.T) {
	c := New()
	for _, rows := range []int{300, 70_000, 300} {
		c.Reset()
		for i := range rows {
			c.Append(&Row{EventID: uuid.UUID{1: byte(i)}, Name: fmt.Sprint("name ", i)})
		}
		for i, row := range decode(t, c.EncodeBlock(nil)) {
			if row.Name != fmt.Sprint("name ", i) {
				t.Fatalf("of %d rows, row %d reads %q", rows, i, row.Name)
			}
		}
	}
}

func TestStampsSurviveTheEpochRunningOver(t *testing.T) {
	c := New()
	c.Append(&Row{Name: "a"})
	c.EncodeBlock(nil)
	c.name.epoch = 1<<32 - 1
	c.Append(&Row{Name: "b"})
	c.Append(&Row{Name: "a"})
	rows := decode(t, c.EncodeBlock(nil))
	if got := rows[0].Name + rows[1].Name + rows[2].Name; got != "aba" {
		t.Fatalf("names read %q, want aba", got)
	}
}

func FuzzBlockEventIDs(f *testing.F) {
	c := New()
	c.Append(&Row{EventID: uuid.MustParse("00112233-4455-6677-8899-aabbccddeeff")})
	f.Add(c.EncodeBlock(nil))
	f.Fuzz(func(t *testing.T, block []byte) {
		ids, err := BlockEventIDs(nil, block) // must neither panic nor make up ids past the end
		if err == nil && len(ids)*16 > len(block) {
			t.Fatalf("%d ids out of %d bytes", len(ids), len(block))
		}
	})
}

// Whatever the bytes are, they are refused and leave the columns as they were, or they are a block.
func FuzzAppendBlock(f *testing.F) {
	row := Row{EventID: uuid.MustParse("00112233-4455-6677-8899-aabbccddeeff"), Name: "n", Score: Float{1, true}, Properties: []Property{{"a", "b"}}}
	c := New()
	c.Append(&row)
	whole := c.EncodeBlock(nil)
	f.Add(whole)
	for i := range whole { // each byte changed once, also without -fuzz
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x81
		f.Add(damaged)
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		c := New()
		c.Append(&row)
		before := c.EncodeBlock(nil)
		err := c.AppendBlock(block)
		if after := c.EncodeBlock(nil); err != nil && !bytes.Equal(before, after) {
			t.Fatalf("a refused block left something behind: %v", err)
		} else if err == nil {
			decode(t, after)
		}
	})
}

func BenchmarkAppendBlock(b *testing.B) {
	for _, rows := range []int{1, 20, 500} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			c := New()
			for i := range rows {
				c.Append(&Row{EventID: uuid.New(), Type: "track", Name: fmt.Sprint("name ", i%7), UserID: "user", UserAgent: "Mozilla/5.0", URL: "https://shop.example/pricing",
					Properties: []Property{{"title", "Pricing"}, {"plan", "team"}}})
			}
			block := c.EncodeBlock(nil)
			b.ReportAllocs()
			for b.Loop() {
				if c.Rows() > 10_000 {
					c.Reset()
				}
				if err := c.AppendBlock(block); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/event")
		})
	}
}

// benchRow is an event of a web site.
func benchRow() Row {
	return Row{
		EventID: uuid.New(), Type: "track", Kind: "page_view", Name: "Page Viewed", Time: 1_700_000_000_000, ReceivedAt: 1_700_000_000_100,
		Source: "web", Channel: "web", AnonymousID: "3f0c9e0a-6c5b-4a43-9b5e-0f6f6d9d5b11", SessionID: "s-1",
		URL: "https://shop.example/pricing?utm_source=news", Path: "/pricing", UTMSource: "news", UTMCampaign: "spring",
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64)", IP: "203.0.113.7", Country: "IT", Locale: "it-IT",
		Properties: []Property{{"title", "Pricing"}, {"plan", "team"}},
	}
}

// BenchmarkGroupOfSingles is what a group commit does with requests of one event: a block each, merged into one and encoded.
func BenchmarkGroupOfSingles(b *testing.B) {
	const requests = 30
	rows, blocks := make([]Row, requests), make([]*Columns, requests)
	for i := range rows {
		rows[i], blocks[i] = benchRow(), New()
		rows[i].Name = fmt.Sprint("name ", i%7)
	}
	group := New()
	var block []byte
	b.ReportAllocs()
	for b.Loop() {
		group.Reset()
		for i := range rows {
			blocks[i].Reset()
			blocks[i].Append(&rows[i])
			group.AppendAll(blocks[i])
		}
		block = group.EncodeBlock(block[:0])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/requests, "ns/event")
}

func BenchmarkAppendAndEncode(b *testing.B) {
	row := benchRow()
	request, group := New(), New()
	var block []byte
	const rows = 1000
	b.ReportAllocs()
	for b.Loop() {
		request.Reset()
		for range rows {
			request.Append(&row)
		}
		group.Reset()
		group.AppendAll(request)
		block = group.EncodeBlock(block[:0])
	}
	b.SetBytes(int64(len(block)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/event")
}
