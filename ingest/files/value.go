package files

import "time"

// value is what one field of a message is made of.
type value struct {
	at   place
	kind valueKind

	json    []byte // constant: as it is written
	parts   []part // template or typed
	members []member

	typ          fieldType
	layouts      []*layout
	zone         *time.Location
	decimalComma bool
	replace      map[string][]byte
}

type valueKind int

const (
	constant valueKind = iota
	template           // a text, made of columns and constants
	typed              // one source text, read as typ
	object             // members under their keys
)

// member is one key of an object.
type member struct {
	key string
	*value
}

// fieldType is how a column's text becomes JSON.
type fieldType int

const (
	typeAny fieldType = iota // as the file has it: text for CSV, the type of the value for NDJSON and Parquet
	typeString
	typeNumber
	typeInteger
	typeDecimal
	typeBoolean
	typeTime
)

var fieldTypes = []string{"any", "string", "number", "integer", "decimal", "boolean", "time"}
