package segment

import (
	"bytes"
	"regexp"

	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// Envelope is what a body says for all of its messages, sentAt and context, as a JSON object without white space between the
// two; nil when it says nothing, is no batch or no JSON. With it a message of the batch can be sent again alone.
func Envelope(body []byte) []byte {
	tape := jsontape.Tape{Open: opens}
	tape.Reset(body)
	root, _, err := tape.Value(0, len(body))
	nodes := tape.Nodes()
	if err != nil || nodes[root].Kind != jsontape.Object {
		return nil
	}
	batch := false
	said := map[string][]byte{}
	for c := int32(root) + 1; c < nodes[root].Next; c = nodes[c].Next {
		switch key := string(tape.Raw(nodes[c].Key)); key {
		case "batch":
			batch = true
		case "sentAt", "context":
			value := tape.Raw(nodes[c].Text)
			if nodes[c].Kind == jsontape.String {
				value = body[nodes[c].Text.From-1 : nodes[c].Text.To+1]
			}
			if said[key] = value; nodes[c].Kind == jsontape.Null {
				delete(said, key) // as if it were not there, also when it was before
			}
		}
	}
	if !batch || len(said) == 0 {
		return nil
	}
	out := []byte{'{'}
	for _, key := range []string{"sentAt", "context"} {
		if value, ok := said[key]; ok {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(append(append(append(out, '"'), key...), `":`...), value...)
		}
	}
	return append(out, '}')
}

// Redacted stands where a secret stood.
const Redacted = "[redacted]"

var keyMember = regexp.MustCompile(`("write_?[kK]ey"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,}\]]+)`)

// Redact returns text, a part of a body that need not be JSON, without write keys: neither the one it was sent with nor
// the value of any member of that name. What is returned may be text itself.
func Redact(text []byte, key string) []byte {
	text = keyMember.ReplaceAll(text, []byte(`${1}"`+Redacted+`"`))
	if key != "" && bytes.Contains(text, []byte(key)) {
		text = bytes.ReplaceAll(text, []byte(key), []byte(Redacted))
	}
	return text
}
