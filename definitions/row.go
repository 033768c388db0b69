package definitions

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// row is a row of the table definitions, as JSONEachRow.
type row struct {
	Version   uint32 `json:"version"`
	AppliedAt string `json:"applied_at"`
	AppliedBy string `json:"applied_by"`
	Note      string `json:"note"`
	Checksum  string `json:"checksum"`
	Source    string `json:"source"`
	Complete  string `json:"complete"`

	SessionTimeout   uint32             `json:"session_timeout"`
	HalfLives        map[string]float64 `json:"half_lives"`
	FeatureNames     []string           `json:"feature_names"`
	Signals          []rowText          `json:"signals"`
	KeyPaths         []KeyPath          `json:"key_paths"`
	Criteria         []rowCriterion     `json:"criteria"`
	Tier2Needs       uint8              `json:"tier2_needs"`
	MicroSegments    []rowMicroSegment  `json:"micro_segments"`
	Lifecycle        []rowSegment       `json:"lifecycle"`
	ContextRules     []rowContextRule   `json:"context_rules"`
	TierActions      map[string]string  `json:"tier_actions"`
	ConversionKinds  []string           `json:"conversion_kinds"`
	ConversionDays   uint16             `json:"conversion_days"`
	GoldPeople       uint16             `json:"gold_people"`
	GoldRate         float64            `json:"gold_rate"`
	BaseCurrency     string             `json:"base_currency"`
	FreeMail         []string           `json:"free_mail"`
	RoleNames        []string           `json:"role_names"`
	IdentityMaxUsers uint16             `json:"identity_max_users"`
	IdentityMaxIDs   uint32             `json:"identity_max_ids"`
	Acquisition      []Channel          `json:"acquisition"`
	Metrics          []Metric           `json:"metrics"`
}

type rowText struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

type rowCondition struct {
	Feature uint16 `json:"feature"`
	AtLeast bounds `json:"at_least"`
	AtMost  bounds `json:"at_most"`
}

// bounds is a number that may be infinite, which ClickHouse reads as text.
type bounds float64

// MarshalJSON writes the shortest text that reads as the same number.
func (b bounds) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(b), 0) {
		return fmt.Appendf(nil, "%q", strings.TrimPrefix(fmt.Sprint(float64(b)), "+")), nil
	}
	return json.Marshal(float64(b))
}

type rowTarget struct {
	Feature uint16  `json:"feature"`
	Target  float64 `json:"target"`
}

type rowCriterion struct {
	rowText
	Conditions []rowCondition `json:"conditions"`
	Weight     float64        `json:"weight"`
	Targets    []rowTarget    `json:"targets"`
}

type rowMicroSegment struct {
	rowText
	Tier       uint8          `json:"tier"`
	Conditions []rowCondition `json:"conditions"`
	Action     string         `json:"action"`
}

type rowSegment struct {
	rowText
	Conditions []rowCondition `json:"conditions"`
}

type rowContextRule struct {
	rowText
	Conditions []rowCondition `json:"conditions"`
	Penalty    float64        `json:"penalty"`
}

// row is the definitions as the table has them: features by their position, patterns for LIKE.
func (d *Definitions) row(version uint32, at time.Time, by, note string) (row, error) {
	complete, err := json.Marshal(d)
	if err != nil {
		return row{}, fmt.Errorf("definitions as JSON: %w", err)
	}
	names := d.FeatureNames()
	position := func(feature string) uint16 { return uint16(slices.Index(names, feature) + 1) }
	conditions := func(all []Condition) []rowCondition {
		out := []rowCondition{}
		for _, c := range all {
			out = append(out, rowCondition{position(c.Feature), bounds(c.AtLeast), bounds(c.AtMost)})
		}
		return out
	}
	r := row{
		Version: version, AppliedAt: at.UTC().Format("2006-01-02 15:04:05.000"), AppliedBy: by, Note: note,
		Checksum: checksum(d.Source), Source: d.Source, Complete: string(complete),
		SessionTimeout: d.SessionTimeout, HalfLives: d.HalfLives, FeatureNames: names, KeyPaths: d.KeyPaths,
		Tier2Needs: d.Tier2Needs, TierActions: d.TierActions, ConversionKinds: d.ConversionKinds, ConversionDays: d.ConversionDays,
		GoldPeople: d.GoldPeople, GoldRate: d.GoldRate, BaseCurrency: d.BaseCurrency, FreeMail: d.FreeMail, RoleNames: d.RoleNames,
		IdentityMaxUsers: d.IdentityMaxUsers, IdentityMaxIDs: d.IdentityMaxIDs, Metrics: d.Metrics,
	}
	for _, s := range d.Signals {
		r.Signals = append(r.Signals, rowText{s.Name, s.Text})
	}
	for _, c := range d.Criteria {
		out := rowCriterion{rowText: rowText{c.Name, c.Text}, Conditions: conditions(c.Conditions), Weight: c.Weight, Targets: []rowTarget{}}
		for _, t := range c.Targets {
			out.Targets = append(out.Targets, rowTarget{position(t.Feature), t.Target})
		}
		r.Criteria = append(r.Criteria, out)
	}
	for _, s := range d.MicroSegments {
		r.MicroSegments = append(r.MicroSegments, rowMicroSegment{rowText{s.Name, s.Text}, s.Tier, conditions(s.Conditions), s.Action})
	}
	for _, s := range d.Lifecycle {
		r.Lifecycle = append(r.Lifecycle, rowSegment{rowText{s.Name, s.Text}, conditions(s.Conditions)})
	}
	for _, c := range d.ContextRules {
		r.ContextRules = append(r.ContextRules, rowContextRule{rowText{c.Name, c.Text}, conditions(c.Conditions), c.Penalty})
	}
	for _, c := range d.Acquisition {
		r.Acquisition = append(r.Acquisition, Channel{c.Channel, likes(c.UTMMedium), likes(c.UTMSource), likes(c.Referrer)})
	}
	return r, nil
}

// likes are patterns for LIKE on text in lower case; "*" alone is any text but none.
func likes(patterns []string) []string {
	out := []string{}
	for _, p := range patterns {
		var f FieldMatch
		like := f.like(f.canonical(p))
		if like == "%" {
			like = "_%"
		}
		out = append(out, like)
	}
	return out
}

func checksum(source string) string {
	sum := sha256.Sum256([]byte(source))
	return hex.EncodeToString(sum[:])
}
