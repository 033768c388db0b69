package segment

import (
	"strings"

	"github.com/livello/livello/ingest/sources/internal/jsontape"
)

// pathTo names the deepest member below the object that fits, names joined by dots; "" when none does.
func (s *state) pathTo(object int32, fits func(*jsontape.Node) bool) string {
	for c := object + 1; c < s.node(object).Next; c = s.node(c).Next {
		node := s.node(c)
		name := clip(s.key(c))
		if node.Kind == jsontape.Object {
			if below := s.pathTo(c, fits); below != "" {
				return name + "." + below
			}
		}
		if fits(node) {
			return name
		}
	}
	return ""
}

// deepest names the member of the record that its nesting comes from.
func (s *state) deepest(record int32) string {
	for c := record + 1; c < s.node(record).Next; c = s.node(c).Next {
		if s.node(c).Height+1 == s.node(record).Height {
			return strings.Clone(clip(s.key(c)))
		}
	}
	return ""
}
