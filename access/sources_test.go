package access

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"strings"
	"testing"
)

func TestWriteKeysFindTheirSource(t *testing.T) {
	digest := sha256.Sum256([]byte("key-of-the-shop-42"))
	keys, err := NewWriteKeys("the-folder's-own-key", []Source{
		{Name: "web", Key: "key-of-the-site-42", Channel: "web"},
		{Name: "shop", KeySHA256: strings.ToUpper(hex.EncodeToString(digest[:])), Channel: "store"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string][2]string{
		"the-folder's-own-key": {DefaultSource, ""},
		"key-of-the-site-42":   {"web", "web"},
		"key-of-the-shop-42":   {"shop", "store"},
	} {
		if source, channel, ok := keys.WriteKey(key); !ok || source != want[0] || channel != want[1] {
			t.Errorf("key of %s: got %q %q %v", want[0], source, channel, ok)
		}
	}
	for _, key := range []string{"", "key-of-the-site-4", "key-of-the-site-422", hex.EncodeToString(digest[:])} {
		if source, _, ok := keys.WriteKey(key); ok || source != "" {
			t.Errorf("%q opens source %q", key, source)
		}
	}
	none, err := NewWriteKeys("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok := none.WriteKey(""); ok {
		t.Error("the empty key opens a service without keys")
	}
}

func TestConfiguredSourcesAreChecked(t *testing.T) {
	const key = "0123456789abcdef"
	negative, none := -1.0, math.NaN()
	for want, sources := range map[string][]Source{
		"key or key_sha256 is missing": {{Name: "a"}},
		"not both":                     {{Name: "a", Key: key, KeySHA256: strings.Repeat("0", 64)}},
		"shorter than 16":              {{Name: "a", Key: "secret"}},
		"no colon":                     {{Name: "a", Key: key + ":"}},
		"64 hexadecimal digits":        {{Name: "a", KeySHA256: "abc"}},
		"name must be":                 {{Name: "the shop", Key: key}},
		"rate -1 must be":              {{Name: "a", Key: key, Rate: &negative}},
		"rate NaN must be":             {{Name: "a", Key: key, Rate: &none}},
		"channel \"Web\"":              {{Name: "a", Key: key, Channel: "Web"}},
		"another source of this name":  {{Name: DefaultSource, Key: key}},
		"the same key as source a":     {{Name: "a", Key: key}, {Name: "b", Key: key}},
	} {
		if _, err := NewWriteKeys("own-key-of-the-folder", sources); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		} else if strings.Contains(err.Error(), key) {
			t.Errorf("the error shows a key: %v", err)
		}
	}
}

func TestEqual(t *testing.T) {
	if !Equal("same", "same") || Equal("same", "Same") || Equal("", "a") {
		t.Fatal("wrong answer")
	}
}
