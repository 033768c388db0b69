// Package access holds the keys of a data folder and says whom a write key belongs to.
//
// Keys are compared as SHA-256 digests in constant time, and neither they nor their digests appear in logs: every type here
// prints itself without them.
package access

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/livello/livello/internal/durable"
)

// FileName is the file of a data folder that holds its keys.
const FileName = "keys.json"

// Keys open a data folder's doors from outside: sending events, reading answers, SQL, erasing people.
type Keys struct {
	WriteKey    string `json:"write_key"`
	ReadKey     string `json:"read_key"`
	SQLUser     string `json:"sql_user"`
	SQLPassword string `json:"sql_password"`
	AdminKey    string `json:"admin_key"` // removes people
}

// Ensure returns the keys of a data folder, which exists, and makes them at random if there are none yet. Of two processes
// that start at once, both get the same keys.
func Ensure(dir string) (Keys, error) {
	keys, err := Load(dir)
	if err == nil && keys.AdminKey == "" { // made before there was one
		keys.AdminKey = newAdminKey()
		if err := create(filepath.Join(dir, FileName), keys, os.Rename); err != nil {
			return Keys{}, fmt.Errorf("add admin_key: %w", err)
		}
		return Load(dir)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	keys = Keys{
		WriteKey:    "lvw_" + rand.Text(),
		ReadKey:     "lvr_" + rand.Text(),
		SQLUser:     "livello",
		SQLPassword: "lvs_" + rand.Text(),
		AdminKey:    newAdminKey(),
	}
	if err := create(filepath.Join(dir, FileName), keys, os.Link); err != nil && !errors.Is(err, fs.ErrExist) {
		return Keys{}, fmt.Errorf("make keys: %w", err)
	}
	return Load(dir)
}

// Load reads the keys of a data folder; fs.ErrNotExist when it has none.
func Load(dir string) (Keys, error) {
	path := filepath.Join(dir, FileName)
	file, err := os.Open(path)
	if err != nil {
		return Keys{}, fmt.Errorf("read keys: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return Keys{}, fmt.Errorf("read keys: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Keys{}, fmt.Errorf("read keys: %s is open to other users (mode %04o); make it private with: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	var keys Keys
	if err := json.NewDecoder(file).Decode(&keys); err != nil {
		return Keys{}, fmt.Errorf("read keys: %s: %w", path, err)
	}
	for _, k := range []struct{ name, value string }{
		{"write_key", keys.WriteKey}, {"read_key", keys.ReadKey}, {"sql_user", keys.SQLUser}, {"sql_password", keys.SQLPassword},
	} {
		if k.value == "" {
			return Keys{}, fmt.Errorf("read keys: %s: %s is missing; remove the file to have all keys made anew", path, k.name)
		}
	}
	return keys, nil
}

func newAdminKey() string { return "lva_" + rand.Text() }

// create writes the keys to a file, whole or not at all: place gives a temporary file its name. os.Link wants the name to be free,
// os.Rename replaces what has it.
func create(path string, keys Keys, place func(from, to string) error) (err error) {
	text, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), FileName+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(append(text, '\n'))
	if err == nil {
		err = temp.Sync()
	}
	if closing := temp.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if err := place(temp.Name(), path); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
}

const hidden = "[hidden]"

// String hides the keys from fmt.
func (Keys) String() string { return hidden }

// GoString hides the keys from %#v.
func (Keys) GoString() string { return "access.Keys{" + hidden + "}" }

// LogValue hides the keys from slog.
func (Keys) LogValue() slog.Value { return slog.StringValue(hidden) }
