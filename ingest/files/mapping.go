// Package files turns the rows of CSV, TSV, NDJSON, Parquet and blank-separated files into Segment messages, as a mapping
// file says, and sends them through the service's ingest path.
//
// LoadMapping reads a mapping, Load reads files and sends what they give, Convert only makes the messages. The id of each
// message is derived from what the row holds (see ids.go), so loading a file again, after a kill in the middle too, changes
// nothing. docs/load.md describes the mapping file for its users.
package files

import (
	"fmt"
	"os"

	"github.com/livello/livello/internal/handwritten"
)

// Mapping says how one kind of file becomes messages. It is made by LoadMapping or ParseMapping and does not change.
type Mapping struct {
	name string // of the mapping file, for messages

	source    string
	format    string // "" is guessed from the file's name
	header    bool
	names     []named // given by the mapping instead of, or beside, a header
	delimiter byte    // 0: what the format says
	quote     byte    // 0: none
	nulls     map[string]bool
	skipLines int
	id        idRule
	idColumns []named
	events    []*eventMapping
}

// idRule is what a derived messageId is made of.
type idRule int

const (
	idContent idRule = iota // the row's content, and how many times it occurred in the file before
	idLine                  // the row's content and line number
	idColumns               // the values of some columns
)

// named is a column's name, and where the mapping says it.
type named struct {
	text string
	at   place
}

// eventMapping is one message that a row can give.
type eventMapping struct {
	at       place
	typ      string
	fields   []field // userId, event, ... in the order in which they are written
	when     []condition
	time     *value // nil: the service's clock on receipt
	keepRest bool   // columns that nothing of this event names are kept in properties
	// body is where properties go: "properties", or "traits" for identify and group.
	body *value
	// label tells the events of one row apart in derived ids. It is made of names, not of the position in the mapping, so
	// that putting another event in front changes no ids.
	label string
}

// field is one field of a message with the path of keys it is written under.
type field struct {
	name string // as the mapping calls it
	*value
}

// find returns the value of a field, or nil.
func (e *eventMapping) find(name string) *value {
	for _, f := range e.fields {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// What a mapping file is made of while it is read.
type (
	node  = handwritten.Node
	pair  = handwritten.Pair
	place = handwritten.Place
)

// MappingError is one thing wrong with a mapping, by itself or for a certain file.
type MappingError = handwritten.Error

func (m *Mapping) errorAt(at place, format string, args ...any) error {
	return handwritten.Errorf(m.name, at, format, args...)
}

// Source is what the mapping calls the origin of its files.
func (m *Mapping) Source() string { return m.source }

// LoadMapping reads and checks a mapping file. An error holds all that is wrong with it, one *MappingError a line.
func LoadMapping(path string) (*Mapping, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read mapping: %w", err)
	}
	return ParseMapping(path, text)
}

// ParseMapping is LoadMapping for a text in memory; name is what errors call it.
func ParseMapping(name string, text []byte) (*Mapping, error) {
	p := &mappingParser{handwritten.Reader{File: name}}
	m := p.mapping(text)
	if err := p.Err(); err != nil {
		return nil, err
	}
	return m, nil
}
