package embedded

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// fetch.sh must take nothing but the library it knows: a download with another checksum leaves the folder as it was.
func TestFetchRefusesAnotherChecksum(t *testing.T) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		t.Skip("the checksum is pinned for linux/amd64")
	}
	dir, bin := t.TempDir(), t.TempDir()
	// Stands for npm: `npm pack` leaves a file that is not the package.
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\necho not the library > package.tgz\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	fetch := func() (string, error) {
		cmd := exec.Command("sh", "fetch.sh", dir)
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := fetch()
	if err == nil || !strings.Contains(out, "does not match its checksum") {
		t.Fatalf("%v\n%s", err, out)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}

	// The right version is not fetched again; the stamp of another one does not count.
	for stamp, ok := range map[string]bool{"@chdb/lib-linux-x64-gnu@26.7.3-stable.1": true, "@chdb/lib-linux-x64-gnu@26.7.2": false} {
		for name, text := range map[string]string{"libchdb.so": "library", "libchdb.version": stamp + "\n"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := fetch(); (err == nil) != ok {
			t.Errorf("stamp %s: %v\n%s", stamp, err, out)
		}
		if text, _ := os.ReadFile(filepath.Join(dir, "libchdb.so")); string(text) != "library" {
			t.Errorf("stamp %s: the library was touched", stamp)
		}
	}
}
