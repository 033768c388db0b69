package segment

import "github.com/livello/livello/ingest/sources/internal/jsontape"

// WriteKey is the write key that a body holds, as SDKs in browsers send it: writeKey beside batch, or in the first message.
// "" when there is none, or the body is no JSON.
func WriteKey(body []byte) string {
	tape := jsontape.Tape{Open: opens}
	tape.Reset(body)
	root, _, err := tape.Value(0, len(body))
	if err != nil {
		return ""
	}
	nodes := tape.Nodes()
	if nodes[root].Kind == jsontape.Array && nodes[root].Next > int32(root)+1 {
		root++
	}
	if nodes[root].Kind != jsontape.Object {
		return ""
	}
	list, key := writeKeyOf(&tape, int32(root))
	if key == "" && list != 0 && nodes[list].Next > list+1 {
		_, key = writeKeyOf(&tape, list+1)
	}
	return key
}

// writeKeyOf finds the members writeKey and batch of an object.
func writeKeyOf(tape *jsontape.Tape, object int32) (list int32, key string) {
	nodes := tape.Nodes()
	if nodes[object].Kind != jsontape.Object {
		return 0, ""
	}
	for c := object + 1; c < nodes[object].Next; c = nodes[c].Next {
		switch string(tape.Raw(nodes[c].Key)) {
		case "batch":
			if nodes[c].Kind == jsontape.Array {
				list = c
			}
		case "writeKey":
			if nodes[c].Kind == jsontape.String {
				key = string(tape.AppendUnescaped(nil, nodes[c].Text))
			}
		}
	}
	return list, key
}
