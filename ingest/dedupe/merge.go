package dedupe

import (
	"bytes"
	"iter"

	"github.com/google/uuid"
)

// mergeWidth runs of similar size become one: a look-up asks at most mergeWidth-1 runs of each size.
const mergeWidth = 6

// mergeable picks runs of one slot that are due to become one: the smallest ones, when mergeWidth of them are within a
// factor of mergeWidth of one another. It answers nil when none are.
func mergeable(bySize []*run) []*run {
	for len(bySize) >= mergeWidth {
		group := bySize[:mergeWidth]
		if group[mergeWidth-1].ids <= mergeWidth*max(group[0].ids, maxPending/mergeWidth) {
			return group
		}
		bySize = bySize[1:]
	}
	return nil
}

// merged yields the ids of all runs in order, each once.
func merged(runs []*run) iter.Seq2[uuid.UUID, error] {
	return func(yield func(uuid.UUID, error) bool) {
		type head struct {
			id   uuid.UUID
			next func() (uuid.UUID, error, bool)
		}
		var heads []head // few: a linear scan for the least is as good as a heap
		for _, r := range runs {
			next, stop := iter.Pull2(r.all())
			defer stop()
			id, err, ok := next()
			if err != nil {
				yield(uuid.UUID{}, err)
				return
			}
			if ok {
				heads = append(heads, head{id, next})
			}
		}
		last, first := uuid.UUID{}, true
		for len(heads) > 0 {
			least := 0
			for i := 1; i < len(heads); i++ {
				if bytes.Compare(heads[i].id[:], heads[least].id[:]) < 0 {
					least = i
				}
			}
			id := heads[least].id
			if (first || id != last) && !yield(id, nil) {
				return
			}
			last, first = id, false
			next, err, ok := heads[least].next()
			switch {
			case err != nil:
				yield(uuid.UUID{}, err)
				return
			case ok:
				heads[least].id = next
			default:
				heads = append(heads[:least], heads[least+1:]...)
			}
		}
	}
}
