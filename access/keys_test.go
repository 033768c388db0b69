package access

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestKeysAreMadeOnceAndKeptPrivate(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("loading from an empty folder: %v, want fs.ErrNotExist", err)
	}
	first, err := Ensure(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Ensure(dir)
	if err != nil || again != first {
		t.Fatalf("the second start has other keys (%v)", err)
	}
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v (%v), want 0600", info.Mode(), err)
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Fatalf("the folder holds %v, want keys.json alone", entries)
	}
	other, err := Ensure(t.TempDir())
	if err != nil || other.WriteKey == first.WriteKey || other.SQLPassword == first.SQLPassword {
		t.Fatalf("two folders share keys (%v)", err)
	}
}

func TestProcessesThatStartAtOnceAgree(t *testing.T) {
	dir := t.TempDir()
	keys := make([]Keys, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = Ensure(dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if k != keys[0] {
			t.Fatal("two starts returned different keys")
		}
	}
}

func TestUnusableKeyFiles(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"readable by others": {`{"write_key":"a","read_key":"b","sql_user":"c","sql_password":"d"}`, 0o644, "chmod 600"},
		"not JSON":           {`{`, 0o600, FileName},
		"incomplete":         {`{"write_key":"a","read_key":"b","sql_user":"c"}`, 0o600, "sql_password is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, FileName)
			if err := os.WriteFile(path, []byte(test.text), test.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := Ensure(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want one with %q", err, test.want)
			}
			if text, _ := os.ReadFile(path); string(text) != test.text {
				t.Fatalf("the file was changed to %s", text)
			}
		})
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	keys, err := Ensure(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	source := Source{Name: "shop", Key: "0123456789abcdef"}
	writeKeys, err := NewWriteKeys(keys.WriteKey, []Source{source})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	log.Info("start", "keys", keys, "source", source, "write_keys", writeKeys)
	log = slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("start", "keys", keys, "source", source, "write_keys", writeKeys)
	fmt.Fprintf(&out, "%v %+v %#v %s %v %+v %#v %v %+v", keys, keys, keys, keys, source, source, source, writeKeys, writeKeys)
	text, _ := json.Marshal([]Source{source})
	out.Write(text)
	for _, secret := range []string{keys.WriteKey, keys.ReadKey, keys.SQLPassword, source.Key} {
		if strings.Contains(out.String(), secret) {
			t.Fatalf("a key is in the output:\n%s", out.String())
		}
	}
}
