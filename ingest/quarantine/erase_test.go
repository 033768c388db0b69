package quarantine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/livello/livello/test/engine"
)

// A person goes from what is set aside, whichever way a record names them; others stay, and so does a reason without the name.
func TestErasePersonFromRefusedFiles(t *testing.T) {
	dir := engine.TempDir(t)
	mixed, alone, others := uuid.New(), uuid.New(), uuid.New()
	const bob = `{"ids":["bob","adam"],"payload":"{\"userId\":\"bob\"}"}` + "\n"
	for name, text := range map[string]string{
		mixed.String() + refusedSuffix: `{"ids":["ada"],"payload":"{}"}` + "\n" + bob + `{"ids":[],"payload":"{\"userId\":\"ada\""}` + "\n" +
			`{"ids":[],"envelope":"{\"userId\":\"ada\"}"}` + "\n" + `{"ids":[17],"payload":"of ada"}` + "\n" + `{"ids":[17]}` + "\n",
		mixed.String() + refusalSuffix:   `{"error":"cannot read 'ada'","attempts":5}`,
		alone.String() + refusedSuffix:   `{"ids":["ada"]}` + "\n",
		alone.String() + refusalSuffix:   `{"error":"cannot read 'ada'","attempts":5}`,
		others.String() + refusedSuffix:  bob,
		uuid.NewString() + refusalSuffix: `{"error":"cannot read 'ada'","attempts":5}`, // its file was dropped, and a crash came between
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, Options{Dir: dir})
	before := s.Status()
	if err := os.WriteFile(filepath.Join(dir, uuid.NewString()+refusalSuffix), []byte(`{"error":"cannot read 'ada'"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := s.Erase([]string{"nobody", "ada"})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "records removed", n, 5)
	left, bytes := s.Refused(), int64(0)
	want(t, "files left", len(left), 2)
	for _, a := range left {
		bytes += a.Bytes
		text, err := os.ReadFile(filepath.Join(dir, a.Name()))
		if err != nil || !strings.Contains(string(text), `"bob"`) {
			t.Errorf("bob is gone, too: %q, %v", text, err)
		}
	}
	want(t, "bytes", s.Status(), bytes)
	want(t, "less bytes", s.Status() < before, true)
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil || strings.Contains(strings.ReplaceAll(string(text), "adam", ""), "ada") {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	next := open(t, Options{Dir: dir})
	want(t, "the same after a restart", len(next.Refused()) == 2 && next.Status() == bytes, true)
}
