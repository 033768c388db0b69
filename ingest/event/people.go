package event

// AppendWithout adds the events of src but those whose distinct_id is one of ids, and answers how many these were. In an event of somebody else an
// anonymous or previous id that is one of them becomes empty; blanked is in how many.
func (c *Columns) AppendWithout(src *Columns, ids map[string]bool) (left, blanked int) {
	keep := make([]bool, src.rows)
	for i := range keep {
		if keep[i] = !ids[src.distinctID.text(i)]; !keep[i] {
			left++
		}
	}
	from := c.rows
	c.AppendWhere(src, keep)
	named := make([]bool, c.rows)
	for _, column := range []*stringColumn{&c.anonymousID, &c.previousID} {
		column.blank(from, ids, named)
	}
	for _, is := range named {
		if is {
			blanked++
		}
	}
	return left, blanked
}

// text is the value of a row.
func (s *stringColumn) text(row int) string { return string(s.bytes(row)) }

// blank empties the rows from from on that hold one of ids, and notes which.
func (s *stringColumn) blank(from int, ids map[string]bool, named []bool) {
	var without stringColumn
	any := false
	for row := from; row < len(s.ends); row++ {
		v := s.text(row)
		if ids[v] {
			v, any, named[row] = "", true, true
		}
		without.append(v)
	}
	if !any {
		return
	}
	s.truncate(from)
	s.appendRange(&without, 0, len(without.ends))
}
