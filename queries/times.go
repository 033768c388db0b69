package queries

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

const timeHelp = "write now, now-90d (m, h, d, w), today, 2026-01-31, 2026-01-31T12:00:00 (UTC) or 2026-01-31T12:00:00+02:00"

var relative = regexp.MustCompile(`^now-(\d{1,9})([mhdw])$`)

var layouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02"}

// ParseTime reads a point in time as a parameter of a query is written. The error says how.
func ParseTime(s string, now time.Time) (time.Time, error) {
	at, err := parseTime(s, now)
	if err != nil {
		return at, fmt.Errorf("%w; %s", err, timeHelp)
	}
	return at, nil
}

// parseTime reads a point in time as timeHelp says; without a zone it is UTC. The result is in UTC, cut to milliseconds, and
// within what the days and hours of the rollups hold. It is resolved here and bound as a value, so a default is never part of the SQL.
func parseTime(s string, now time.Time) (time.Time, error) {
	now = now.UTC().Truncate(time.Millisecond)
	switch s {
	case "now":
		return now, nil
	case "today":
		return now.Truncate(24 * time.Hour), nil
	}
	if m := relative.FindStringSubmatch(s); m != nil {
		n, _ := strconv.ParseInt(m[1], 10, 64)
		unit := map[string]int64{"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}[m[2]]
		return inRange(time.UnixMilli(now.UnixMilli()-n*unit*1000).UTC(), s)
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, s, time.UTC); err == nil {
			return inRange(t.UTC().Truncate(time.Millisecond), s)
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", clip(s))
}

func inRange(t time.Time, s string) (time.Time, error) {
	if t.Year() < 1970 || t.Year() > 2105 {
		return t, fmt.Errorf("%s is outside the years 1970 to 2105", clip(s))
	}
	return t, nil
}
