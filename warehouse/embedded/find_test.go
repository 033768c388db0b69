package embedded

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	root := t.TempDir()
	touch := func(parts ...string) string {
		path := filepath.Join(append([]string{root}, parts...)...)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	touch("go.mod")
	inRepo := touch("engine", "libchdb.so")
	configured := touch("a", "some.so")
	installed := touch("opt", "lib", "libchdb.so")

	for name, c := range map[string]struct{ explicit, env, exe, cwd, want string }{
		"configured wins":         {configured, inRepo, "", "", configured},
		"environment next":        {"", configured, filepath.Join(root, "bin", "livello"), "", configured},
		"a folder stands for it":  {"", filepath.Join(root, "engine"), "", "", inRepo},
		"bin/ of a checkout":      {"", "", filepath.Join(root, "bin", "livello"), "", inRepo},
		"installed beside lib/":   {"", "", filepath.Join(root, "opt", "bin", "livello"), "", installed},
		"a test of a sub package": {"", "", filepath.Join(t.TempDir(), "x", "schema.test"), filepath.Join(root, "a"), inRepo},
	} {
		got, err := find(c.explicit, c.env, c.exe, c.cwd)
		if err != nil || filepath.Clean(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}

	// A path that is set but wrong is said, and nothing else is taken instead.
	for _, c := range [][2]string{{"/no/such.so", ""}, {"", "/no/such.so"}} {
		_, err := find(c[0], c[1], filepath.Join(root, "bin", "livello"), root)
		var missing *MissingLibraryError
		if !errors.As(err, &missing) || len(missing.Looked) != 1 {
			t.Fatalf("%v: %v", c, err)
		}
		for _, part := range []string{"/no/such.so", "make engine", LibraryEnv} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the message does not say %s: %v", part, err)
			}
		}
	}
}

// A library that is no libchdb must be refused with a reason.
func TestLoadRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(path, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadFile(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("%v", err)
	}
	for _, libc := range []string{"libm.so.6", "libSystem.B.dylib"} {
		_, err := loadFile(libc)
		if err == nil {
			t.Errorf("%s was taken for the engine", libc)
		}
		if strings.HasPrefix(libc, "libm") && !strings.Contains(err.Error(), "make engine") && !strings.Contains(err.Error(), "no such file") {
			t.Errorf("%s: %v", libc, err)
		}
	}
}
