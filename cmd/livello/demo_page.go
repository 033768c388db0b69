package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/livello/livello/queries"
)

// pageColumn is a column of a table on the demo's page: the query's field under a short title.
type pageColumn struct {
	field, title string
	show         func(any) string // nil: as it is
	left         bool             // aligned to the left, as the first column always is
}

func column(field, title string) pageColumn { return pageColumn{field: field, title: title} }
func left(field, title string) pageColumn   { return pageColumn{field: field, title: title, left: true} }

// page writes the demo's summary. Every number comes from a named query, the same text that the API and the boards use.
type page struct {
	ctx context.Context
	db  queries.DB
	w   io.Writer
	err error  // the first one; nothing is written after it
	top string // the person to talk to first; empty for nobody
}

func (p *page) heading(title, query string) {
	if p.err == nil {
		fmt.Fprintf(p.w, "\n%s  (livello query %s)\n", title, query)
	}
}

func (p *page) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// rows runs a query and returns its rows.
func (p *page) rows(query string, params map[string]string) []map[string]any {
	if p.err != nil {
		return nil
	}
	var answer bytes.Buffer
	if p.err = queries.Run(p.ctx, p.db, query, params, "json", &answer); p.err != nil {
		return nil
	}
	var table struct{ Data []map[string]any }
	dec := json.NewDecoder(&answer)
	dec.UseNumber()
	p.err = dec.Decode(&table)
	return table.Data
}

// table prints rows with the first column to the left and the others to the right.
func (p *page) table(rows []map[string]any, columns ...pageColumn) {
	if p.err != nil {
		return
	}
	cells := [][]string{{}}
	for _, c := range columns {
		cells[0] = append(cells[0], c.title)
	}
	for _, row := range rows {
		var line []string
		for _, c := range columns {
			show := c.show
			if show == nil {
				show = plain
			}
			line = append(line, show(row[c.field]))
		}
		cells = append(cells, line)
	}
	width := make([]int, len(columns))
	for _, line := range cells {
		for i, cell := range line {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, line := range cells {
		var b strings.Builder
		for i, cell := range line {
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i == 0 || columns[i].left {
				b.WriteString("  " + cell + pad)
			} else {
				b.WriteString("  " + pad + cell)
			}
		}
		p.printf("%s\n", strings.TrimRight(b.String(), " "))
	}
}

func plain(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case json.Number:
		return grouped(v.String())
	default:
		return fmt.Sprint(v)
	}
}

func percent(v any) string {
	n, ok := v.(json.Number)
	if !ok {
		return "-"
	}
	f, err := n.Float64()
	if err != nil {
		return n.String()
	}
	return fmt.Sprintf("%.1f %%", 100*f)
}

// money prints a map of currency to amount, largest first.
func money(v any) string {
	amounts, ok := v.(map[string]any)
	if !ok {
		return plain(v)
	}
	type amount struct {
		value float64
		text  string
	}
	var list []amount
	for currency, v := range amounts {
		n, ok := v.(json.Number)
		if !ok {
			continue
		}
		f, err := n.Float64()
		if err != nil || f == 0 {
			continue
		}
		list = append(list, amount{f, grouped(fmt.Sprintf("%.0f", f)) + " " + currency})
	}
	slices.SortFunc(list, func(a, b amount) int {
		if a.value != b.value {
			return map[bool]int{true: -1, false: 1}[a.value > b.value]
		}
		return strings.Compare(a.text, b.text)
	})
	var parts []string
	for _, a := range list {
		parts = append(parts, a.text)
	}
	return strings.Join(parts, ", ")
}

// grouped puts commas between thousands.
func grouped(number string) string {
	whole, fraction, _ := strings.Cut(number, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return sign + whole
}
