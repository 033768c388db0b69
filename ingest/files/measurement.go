package files

import (
	"maps"
	"slices"
	"strings"
)

// measurementType is the type of a mapping's events that are none: what was measured, such as the ad spend of a campaign and day. They go
// to POST /v1/measurements, where kind, channel, campaign, time and source say what is measured; loading a file again changes
// nothing, and loading a corrected one corrects.
const measurementType = "measurement"

// measures says whether the mapping makes measurements; a mapping makes nothing else then.
func (m *Mapping) measures() bool {
	return len(m.events) > 0 && m.events[0].typ == measurementType
}

// measurementKeys are what a measurement can be made of.
var measurementKeys = []string{"type", "kind", "channel", "campaign", "value", "currency", "base", "time", "when"}

// onlyMeasured refuses a key that events have among their properties.
func (p *mappingParser) onlyMeasured(key pair, own, common []pair) {
	typed := func(pairs []pair) (string, bool) {
		for _, other := range pairs {
			if other.Key == "type" {
				return other.Value.GetToken().Value, true
			}
		}
		return "", false
	}
	typ, found := typed(own)
	if !found {
		typ, _ = typed(common)
	}
	if typ != measurementType {
		p.Fail(key.KeyAt, "is for `type: measurement`; an event has it among its properties")
	}
}

// checkMeasurement looks at what belongs together in a measurement.
func (p *mappingParser) checkMeasurement(e *eventMapping, given map[string]bool) {
	at := e.at
	for _, needed := range []struct{ key, example string }{
		{"kind", "`kind: ad_spend`"},
		{"value", "`value: {column: spend, type: decimal}`"},
		{"time", "`time: {column: date, layout: \"%Y-%m-%d\"}`"},
	} {
		if !given[needed.key] {
			p.Fail(at, "a measurement needs %s, such as %s", needed.key, needed.example)
		}
	}
	if given["time"] && e.time == nil && len(p.Errs) == 0 {
		p.Fail(at, "time: a measurement is about a time of its own, not that of loading; write a column or a constant")
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(measurementKeys, key) && key != "rest" {
			p.Fail(at, "a measurement has no %s; it has %s", key, strings.Join(measurementKeys, ", "))
		}
	}
}

// checkKinds refuses a mapping of events and measurements: they go to different places.
func (p *mappingParser) checkKinds(m *Mapping) {
	for _, e := range m.events {
		if (e.typ == measurementType) != m.measures() {
			p.Fail(e.at, "events and measurements need a mapping each; the file can be loaded with both")
		}
	}
}

// measurement appends one measurement and a line end.
func (mm *messageMaker) measurement(dst []byte, e *eventPlan, r *row) ([]byte, *reject) {
	dst = append(dst, `{"ts":`...)
	dst, present, rej := mm.value(dst, e.time, r, "time")
	if rej != nil {
		return dst, rej
	}
	if !present {
		return dst, rejectf("time", "is empty: %s", emptyColumns(e.time, r))
	}
	for _, f := range e.fields {
		before := len(dst)
		dst = append(appendString(append(dst, ','), f.name), ':')
		if dst, present, rej = mm.value(dst, f.value, r, f.name); rej != nil {
			return dst, rej
		}
		if present {
			continue
		}
		if dst = dst[:before]; f.name == "value" || f.name == "kind" {
			return dst, rejectf(f.name, "is empty: %s", emptyColumns(f.value, r))
		}
	}
	return append(dst, '}', '\n'), nil
}
