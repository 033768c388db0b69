package cards

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/livello/livello/profile"
)

var errCard = errors.New("a card is not what was written")

// reading takes a card apart, from its beginning. After an error everything is zero.
type reading struct {
	rest   []byte
	broken bool
}

// decode reads a card, see row.
func decode(card []byte) (s profile.State, err error) {
	r := reading{rest: card}
	p := &s.Profile
	p.PersonID = r.text()
	s.Version = r.uint64()
	p.DistinctIDs = r.texts()
	p.Tier = r.take(1)[0]
	p.MicroSegment = r.text()
	p.Lifecycle = r.texts()
	p.CriteriaMet = r.texts()
	p.Score = r.float64()
	p.Reasons = make([]profile.Reason, r.length())
	for i := range p.Reasons {
		p.Reasons[i] = profile.Reason{Name: r.text(), Points: r.float64(), Text: r.text()}
	}
	p.ActionRequired = r.text()
	p.Since = r.time()
	p.EvaluatedAt = r.time()
	p.Definitions = binary.LittleEndian.Uint32(r.take(4))
	s.Values = make([]float64, r.length())
	for i := range s.Values {
		s.Values[i] = r.feature()
	}
	p.Value.Revenue365 = r.amounts()
	p.Value.Revenue = r.amounts()
	p.FirstSeen = r.time()
	p.LastSeen = r.time()
	if purchase := r.time(); purchase.Unix() > 0 {
		p.Value.LastPurchase = &purchase
	}
	if r.broken || len(r.rest) > 0 {
		return s, errCard
	}
	return s, nil
}

// names says whether one of the ids stands on the card.
func names(card []byte, ids map[string]bool) (bool, error) {
	r := reading{rest: card}
	found := ids[string(r.take(r.length()))]
	r.uint64() // version
	for range r.length() {
		found = ids[string(r.take(r.length()))] || found
	}
	if r.broken {
		return false, errCard
	}
	return found, nil
}

var zeros [16]byte

// take is the next n bytes, at most 16 when there are no more.
func (r *reading) take(n int) []byte {
	if n > len(r.rest) || r.broken {
		r.broken = true
		return zeros[:min(n, len(zeros))]
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// length of what follows, each at least a byte.
func (r *reading) length() int {
	n, size := binary.Uvarint(r.rest)
	if r.broken || size <= 0 || n > uint64(len(r.rest)-size) {
		r.broken = true
		return 0
	}
	r.rest = r.rest[size:]
	return int(n)
}

func (r *reading) text() string { return string(r.take(r.length())) }

func (r *reading) texts() []string {
	all := make([]string, r.length())
	for i := range all {
		all[i] = r.text()
	}
	return all
}

func (r *reading) uint64() uint64 { return binary.LittleEndian.Uint64(r.take(8)) }

func (r *reading) uint32() uint32 { return binary.LittleEndian.Uint32(r.take(4)) }

func (r *reading) float64() float64 { return math.Float64frombits(r.uint64()) }

func (r *reading) time() time.Time { return time.UnixMilli(int64(r.uint64())).UTC() }

func (r *reading) feature() float64 {
	switch first := r.take(1)[0]; first {
	case unknown:
		return math.NaN()
	case short:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(r.take(4))))
	case long:
		return r.float64()
	default:
		return float64(first)
	}
}

// amounts are in ten-thousandths, of 16 bytes, the least first.
func (r *reading) amounts() map[string]decimal.Decimal {
	n := r.length()
	all := make(map[string]decimal.Decimal, n)
	for range n {
		currency := r.text()
		b := r.take(16)
		low, high := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		if int64(low)>>63 == int64(high) { // all of it is in low
			all[currency] = decimal.New(int64(low), -4)
			continue
		}
		sum := new(big.Int).SetInt64(int64(high))
		sum.Lsh(sum, 64).Add(sum, new(big.Int).SetUint64(low))
		all[currency] = decimal.NewFromBigInt(sum, -4)
	}
	return all
}

// has says whether the card's person has the id.
func has(s *profile.State, id string) bool {
	return s.PersonID == id || slices.Contains(s.DistinctIDs, id)
}
