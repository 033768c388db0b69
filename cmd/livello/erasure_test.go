package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/livello/livello/ingest/dedupe"
	"github.com/livello/livello/ingest/event"
	"github.com/livello/livello/ingest/quarantine"
	"github.com/livello/livello/ingest/spool"
)

// A person is erased through the real service, by HTTP and on the command line, and what comes later is taken or refused.
func TestErasePeople(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	const events = `[
{"type":"page","anonymousId":"dev/%41 b","timestamp":"2026-03-01T09:00:00Z"},
{"type":"identify","anonymousId":"dev/%41 b","userId":"ada-erase","traits":{"email":"ada-erase@example.com"},"timestamp":"2026-03-01T09:01:00Z"},
{"type":"track","event":"Order Completed","userId":"ada-erase","properties":{"total":5,"currency":"EUR"},"timestamp":"2026-03-02T09:01:00Z"},
{"type":"track","userId":"ada-erase"},
{"type":"page","userId":"bob","timestamp":"2026-03-01T09:00:00Z"}]`
	people := s.API + "/v1/people/"
	s.want(202, `"accepted":4`, "POST", s.API+"/v1/events", s.keys.WriteKey, events)
	s.want(401, "admin key is missing", "DELETE", people+"ada-erase", "", "")
	for _, key := range []string{s.keys.ReadKey, s.keys.WriteKey} {
		s.want(401, "admin key is not known", "DELETE", people+"ada-erase", key, "")
	}
	s.settle()
	sql := strings.Replace(s.SQL, "http://", "http://"+s.keys.SQLUser+":"+s.keys.SQLPassword+"@", 1)
	eventually(t, "the evaluation of the person", func() bool {
		_, text := s.ask("POST", sql+"/", "", "SELECT count() FROM person_states FINAL WHERE person_id = 'ada-erase'")
		return text == "1\n"
	})
	eventually(t, "what is answered about the person", func() bool { // it is copied when it is evaluated
		_, text := s.ask("GET", people+"dev%2F%2541%20b", s.keys.ReadKey, "")
		return strings.Contains(text, `"person_id":"ada-erase"`)
	})
	// By the device's id, which needs escaping.
	s.want(200, `"events":3`, "DELETE", people+"dev%2F%2541%20b", s.keys.AdminKey, "")
	for statement, want := range map[string]string{
		"SELECT count() FROM events": "1", "SELECT count() FROM quarantine": "0", "SELECT sum(events) FROM channel_hour": "1",
		"SELECT count() FROM people": "1", "SELECT count() FROM erased_ids": "0",
		"SELECT count() FROM person_states FINAL WHERE person_id != 'bob'": "0", "SELECT count() FROM tier_history WHERE person_id != 'bob'": "0",
		"SELECT count() FROM erasures FINAL WHERE state = 'done' AND removed['quarantine'] = 1": "1",
	} {
		if got := count(t, s.data, statement); got != want {
			t.Errorf("%s: %s, want %s", statement, got, want)
		}
	}
	for _, id := range []string{"ada-erase", "dev%2F%2541%20b"} {
		s.want(404, "unknown_person", "GET", people+id, s.keys.ReadKey, "")
	}
	must(t, "verify", "--data", s.data)

	// Accepted again: a person afresh. Then from the command line.
	s.want(202, `"accepted":1`, "POST", s.API+"/v1/events", s.keys.WriteKey, `{"type":"page","userId":"ada-erase","messageId":"later"}`)
	fails(t, "add --yes", "erase", "ada-erase", "--data", s.data)
	if out := must(t, "erase", "ada-erase", "--yes", "--data", s.data); !strings.Contains(out, "events             1 row removed\n") {
		t.Error(out)
	}
	s.stop()

	// Without a service, and refused from then on.
	s = serve(t, s.data, "--erasure-later-events", "refuse")
	s.want(202, `"code":"erased"`, "POST", s.API+"/v1/events", s.keys.WriteKey, `{"type":"page","userId":"ada-erase","messageId":"refused"}`)
	s.want(202, `"code":"erased"`, "POST", s.API+"/v1/events", s.keys.WriteKey, `{"type":"page","userId":"new","anonymousId":"dev/%41 b"}`)
	s.want(202, `"accepted":1`, "POST", s.API+"/v1/events", s.keys.WriteKey, `{"type":"page","userId":"bob"}`)
	s.settle()
	if got := count(t, s.data, "SELECT count() FROM quarantine"); got != "0" {
		t.Errorf("%s refused records are kept", got)
	}
	s.stop()
	if out := must(t, "erase", "bob", "--yes", "--data", s.data, "-o", "json"); !strings.Contains(out, `"events": 2`) {
		t.Error(out)
	}
	must(t, "verify", "--data", s.data)
	// Nothing of the id is left in the files that are ours.
	err := filepath.WalkDir(s.data, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && d.Name() == "engine" {
				return filepath.SkipDir
			}
			return err
		}
		if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), "ada-erase") {
			t.Errorf("%s holds the id", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// An erasure was cut off, and no service runs: nothing is put back until one has gone on with it.
func TestNothingIsPutBackBesideACutOffErasure(t *testing.T) {
	t.Parallel()
	s := serve(t, dataFolder(t))
	s.want(202, `"accepted":1`, "POST", s.API+"/v1/events", s.keys.WriteKey, `[{"type":"page","userId":"ada"},{"type":"track","userId":"ada"}]`)
	s.settle()
	s.stop()
	const request = "00000000-0000-0000-0000-00000000000a"
	must(t, "sql", "--write", "--data", s.data, "INSERT INTO erased_ids (request, id) VALUES ('"+request+"', 'ada')")
	must(t, "sql", "--write", "--data", s.data, "INSERT INTO erasures (request, state, step, begun_at, at) VALUES ('"+request+"', 'begun', 0, now(), now())")
	hash := strings.Repeat("0a", 32) // of whom makes no difference here
	held := filepath.Join(s.data, "erasure.held")
	for _, line := range []string{hash + " " + request + "\n", hash + "\n"} { // and as older versions wrote it
		if err := os.WriteFile(held, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		fails(t, "an erasure was cut off in "+s.data, "spool", "retry", "--all", "--data", s.data)
		fails(t, "start livello serve", "quarantine", "replay", "--data", s.data)
	}
	s = serve(t, s.data)
	eventually(t, "the end of the erasure", func() bool { return strings.Contains(s.logs(), "person erased") })
	s.stop()
	if out := must(t, "spool", "retry", "--all", "--data", s.data); !strings.HasPrefix(out, "0 put back") {
		t.Error(out)
	}
	if out := must(t, "quarantine", "replay", "--data", s.data); !strings.HasPrefix(out, "0 records sent again") {
		t.Error(out)
	}
	// Whoever is kept out for good keeps nobody from putting anything back.
	if err := os.WriteFile(held, []byte(hash+" erased\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "spool", "retry", "--all", "--data", s.data)
}

// What ClickHouse refused loses the person, and the certificate says of bytes that cannot be read where they are and how to be rid of them.
func TestErasePersonFromFiles(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	index, err := dedupe.Open(filepath.Join(data, "dedupe"), dedupe.Options{Window: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	log, err := spool.Open(spool.Options{Dir: filepath.Join(data, "spool"), Index: index, MinFree: -1, Linger: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	rejects, err := quarantine.Open(quarantine.Options{Dir: filepath.Join(data, "quarantine")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(log.Close(), rejects.Close(), index.Close()); err != nil {
			t.Error(err)
		}
	}()
	c := event.New()
	for _, user := range []string{"ada", "bob"} {
		c.Append(&event.Row{EventID: uuid.New(), Type: "track", Kind: "custom", UserID: user})
	}
	if _, _, err := log.Append(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	refused, err := log.Next(t.Context())
	if err == nil {
		err = log.SetAside(refused, spool.Refusal{Error: "no"})
	}
	if err != nil {
		t.Fatal(err)
	}
	torn := filepath.Join(data, "spool", "0000000000000007.torn-28")
	if err := os.WriteFile(torn, []byte("cut off\x03ada"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &service{spool: log, quarantine: rejects}
	removed, remaining, err := s.eraseFiles([]string{"ada"})
	if err != nil || removed["refused segments"] != 1 || removed["refused quarantine files"] != 0 {
		t.Errorf("removed %v: %v", removed, err)
	}
	if want := torn + ": 11 bytes that cannot be read hold an id of the person; to remove them: delete the file"; len(remaining) != 1 || remaining[0] != want {
		t.Errorf("remaining: %q, want %q", remaining, want)
	}
	if st := log.Status(); st.RefusedRows != 1 {
		t.Errorf("%d refused events are left, want bob's", st.RefusedRows)
	}
}
