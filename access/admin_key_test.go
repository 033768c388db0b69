package access

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Folders of before there was an admin key get one, once, and keep the others.
func TestOldFoldersGetAnAdminKey(t *testing.T) {
	dir := t.TempDir()
	const old = `{"write_key":"w","read_key":"r","sql_user":"u","sql_password":"p"}`
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if keys, err := Load(dir); err != nil || keys.AdminKey != "" {
		t.Fatalf("before the first start: %v %q", err, keys.AdminKey)
	}
	keys, err := Ensure(dir)
	if err != nil || keys.WriteKey != "w" || keys.SQLPassword != "p" || !strings.HasPrefix(keys.AdminKey, "lva_") {
		t.Fatalf("%#v %v", keys.AdminKey, err)
	}
	if again, err := Ensure(dir); err != nil || again != keys {
		t.Fatalf("the next start has another one (%v)", err)
	}
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v (%v), want 0600", info.Mode(), err)
	}
}
