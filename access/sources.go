package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"strings"
)

// Source is a sender of events with a write key of its own. Exactly one of Key and KeySHA256 is given; the second (in
// hexadecimal) keeps the key out of the configuration.
type Source struct {
	Name      string `koanf:"name" json:"name"`
	Key       string `koanf:"key" json:"-"`
	KeySHA256 string `koanf:"key_sha256" json:"-"`
	Channel   string `koanf:"channel" json:"channel,omitempty"` // of its events that do not say where they happened; "" is none
	// Rate is how many events a second it may send, 0 as many as it likes; nil as many as a source may that says nothing of it.
	Rate *float64 `koanf:"rate" json:"rate,omitempty"`
}

// String hides the key from fmt.
func (s Source) String() string { return s.Name }

// GoString hides the key from %#v.
func (s Source) GoString() string { return fmt.Sprintf("access.Source{Name: %q, %s}", s.Name, hidden) }

// LogValue hides the key from slog.
func (s Source) LogValue() slog.Value { return slog.StringValue(s.Name) }

// DefaultSource is the name of the source that the data folder's own write key belongs to.
const DefaultSource = "default"

// MinKeyLength is how long a configured key must be at least, in bytes: shorter ones can be guessed.
const MinKeyLength = 16

// WriteKeys finds the source of a write key. Safe for concurrent use.
type WriteKeys struct{ sources []knownSource }

type knownSource struct {
	digest        [sha256.Size]byte
	name, channel string
}

// NewWriteKeys takes the data folder's own write key ("" for none) and the configured sources. The error names the source
// and the field.
func NewWriteKeys(own string, sources []Source) (*WriteKeys, error) {
	w := new(WriteKeys)
	if own != "" {
		w.sources = append(w.sources, knownSource{digest: sha256.Sum256([]byte(own)), name: DefaultSource})
	}
	for i, s := range sources {
		where := fmt.Sprintf("source %d (%s)", i+1, s.Name)
		digest, err := s.digest()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		if !validName(s.Name) {
			return nil, fmt.Errorf("%s: name must be of letters, digits, '.', '_' and '-', at most 64", where)
		}
		if s.Channel != "" && !validChannel(s.Channel) {
			return nil, fmt.Errorf("%s: channel %q must be of lower-case letters, digits, '.', '_', '-' and ':', at most 64", where, s.Channel)
		}
		if s.Rate != nil && (math.IsNaN(*s.Rate) || math.IsInf(*s.Rate, 0) || *s.Rate < 0) {
			return nil, fmt.Errorf("%s: rate %g must be a number of events a second, or 0 for no limit", where, *s.Rate)
		}
		for _, other := range w.sources {
			if other.name == s.Name {
				return nil, fmt.Errorf("%s: there is another source of this name (%q is the data folder's own)", where, DefaultSource)
			}
			if other.digest == digest {
				return nil, fmt.Errorf("%s: has the same key as source %s", where, other.name)
			}
		}
		w.sources = append(w.sources, knownSource{digest, s.Name, s.Channel})
	}
	return w, nil
}

func (s Source) digest() (digest [sha256.Size]byte, err error) {
	switch {
	case s.Key != "" && s.KeySHA256 != "":
		return digest, fmt.Errorf("give key or key_sha256, not both")
	case s.Key != "":
		if len(s.Key) < MinKeyLength {
			return digest, fmt.Errorf("key is shorter than %d characters", MinKeyLength)
		}
		if strings.ContainsAny(s.Key, ": \t\r\n") {
			return digest, fmt.Errorf("key must hold no colon and no space")
		}
		return sha256.Sum256([]byte(s.Key)), nil
	case s.KeySHA256 != "":
		raw, err := hex.DecodeString(s.KeySHA256)
		if err != nil || len(raw) != sha256.Size {
			return digest, fmt.Errorf("key_sha256 must be 64 hexadecimal digits, as `printf %%s KEY | sha256sum` prints them")
		}
		return [sha256.Size]byte(raw), nil
	}
	return digest, fmt.Errorf("key or key_sha256 is missing")
}

// WriteKey returns the name and channel of the source that a write key belongs to. It takes the same time for every key.
func (w *WriteKeys) WriteKey(key string) (source, channel string, ok bool) {
	digest := sha256.Sum256([]byte(key))
	found := -1
	for i := range w.sources {
		if subtle.ConstantTimeCompare(digest[:], w.sources[i].digest[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return "", "", false
	}
	return w.sources[found].name, w.sources[found].channel, true
}

// Channel is the channel of a source by its name, "" when it has none or there is no such source.
func (w *WriteKeys) Channel(source string) string {
	for i := range w.sources {
		if w.sources[i].name == source {
			return w.sources[i].channel
		}
	}
	return ""
}

// Names are the names of all sources.
func (w *WriteKeys) Names() []string {
	names := make([]string, len(w.sources))
	for i, s := range w.sources {
		names[i] = s.name
	}
	return names
}

// String hides the digests from fmt.
func (w *WriteKeys) String() string { return strings.Join(w.Names(), ", ") }

// LogValue hides the digests from slog.
func (w *WriteKeys) LogValue() slog.Value { return slog.StringValue(w.String()) }

// Equal compares two secrets in a time that does not depend on them.
func Equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func validName(name string) bool { return validText(name, true) }

func validChannel(channel string) bool {
	return validText(channel, false) && !strings.ContainsAny(channel[:1], "._-:")
}

func validText(text string, upper bool) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		case c >= 'A' && c <= 'Z' && upper:
		case c == ':' && !upper:
		default:
			return false
		}
	}
	return text != "" && len(text) <= 64
}
