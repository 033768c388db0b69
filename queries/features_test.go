package queries_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Features look back from today, so these events are told by their age in days. The numbers are right on any day; when the
// day changes in the middle of the test it is done again.
func TestFeaturesOfPeople(t *testing.T) {
	for {
		today := time.Now().UTC().Truncate(24 * time.Hour)
		askFeatures(t, today)
		if time.Now().UTC().Truncate(24 * time.Hour).Equal(today) {
			return
		}
	}
}

func askFeatures(t *testing.T, today time.Time) {
	db := openDatabase(t)
	var events []map[string]any
	tell := func(age int, ids map[string]any, kinds ...string) {
		for i, kind := range kinds {
			e := map[string]any{"ts": today.AddDate(0, 0, -age).Add(time.Duration(i) * time.Second).Format("2006-01-02 15:04:05"), "kind": kind, "channel": "web"}
			for column, value := range ids {
				e[column] = value
			}
			events = append(events, e)
		}
	}
	// Rosa did everything today, first without a name.
	tell(0, map[string]any{"anonymous_id": "phone"}, "page_view", "content_download")
	tell(0, map[string]any{"anonymous_id": "phone", "user_id": "rosa"}, "identify", "chat_message", "email_open", "email_open", "email_click")
	// Sara downloaded three days ago, which counts half; Tito was here eight days ago, Ugo a year ago.
	tell(3, map[string]any{"user_id": "sara"}, "content_download")
	tell(8, map[string]any{"user_id": "tito"}, "page_view", "content_download")
	tell(400, map[string]any{"user_id": "ugo"}, "purchase")
	insertEvents(t, db, 0, events)

	type features struct {
		PersonID      string  `json:"person_id"`
		Engagement    float64 `json:"engagement"`
		Visits        int     `json:"visits_7d"`
		Downloads     int     `json:"downloads_7d"`
		Weighted      float64 `json:"downloads_7d_weighted"`
		Opens         int     `json:"email_opens_7d"`
		Advanced      int     `json:"advanced_interactions_7d"`
		DaysSinceLast *int    `json:"days_since_last_event"`
	}
	read := func(text string) (all []features) {
		for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
			var f features
			if line == "" {
				continue
			}
			if err := json.Unmarshal([]byte(line), &f); err != nil {
				t.Fatalf("%v in %s", err, line)
			}
			all = append(all, f)
		}
		return all
	}
	for _, id := range []string{"rosa", "phone"} {
		got := read(ask(t, db, "person_features", "ndjson", map[string]string{"person": id}))
		if len(got) != 1 || got[0].PersonID != "rosa" || got[0].Visits != 1 || got[0].Downloads != 1 || got[0].Weighted != 1 || got[0].Opens != 2 || got[0].Advanced != 1 || *got[0].DaysSinceLast != 0 {
			t.Errorf("%s: got %+v", id, got)
		}
	}
	if got := read(ask(t, db, "person_features", "ndjson", map[string]string{"person": "sara"})); len(got) != 1 || got[0].Weighted != 0.5 || *got[0].DaysSinceLast != 3 {
		t.Errorf("sara: got %+v", got)
	}
	for _, id := range []string{"ugo", "nobody"} {
		if got := read(ask(t, db, "person_features", "ndjson", map[string]string{"person": id})); len(got) != 0 {
			t.Errorf("%s: got %+v, want no row", id, got)
		}
	}
	// Rosa: one of five visits, and the other three signals full. Sara: half a visit of five, half a download.
	most := read(ask(t, db, "most_engaged", "ndjson", nil))
	if len(most) != 2 || most[0].PersonID != "rosa" || most[0].Engagement != 80 || most[1].PersonID != "sara" || most[1].Engagement != 15 {
		t.Errorf("most engaged: got %+v, want rosa with 80 and sara with 15", most)
	}
}
