package definitions

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

var comparison = regexp.MustCompile(`^(>=|<=|>|<|=)\s*(-?[0-9]+(?:\.[0-9]+)?)$`)

// parseCondition reads ">= 5" or ">= 2, < 5". A strict bound becomes the next number after it, so that all bounds are inclusive.
func parseCondition(feature, text string) (Condition, error) {
	c := Condition{Feature: feature, AtLeast: math.Inf(-1), AtMost: math.Inf(1)}
	for _, part := range strings.Split(text, ",") {
		found := comparison.FindStringSubmatch(strings.TrimSpace(part))
		if found == nil {
			return c, fmt.Errorf("%q is no comparison: write one of >=, <=, >, <, = and a number, as in \">= 5\", or two of them as in \">= 2, < 5\"", strings.TrimSpace(part))
		}
		v, err := strconv.ParseFloat(found[2], 64)
		if err != nil || math.IsInf(v, 0) {
			return c, fmt.Errorf("%s is too large a number", found[2])
		}
		least, most := math.Inf(-1), math.Inf(1)
		switch found[1] {
		case ">=":
			least = v
		case ">":
			least = math.Nextafter(v, math.Inf(1))
		case "<=":
			most = v
		case "<":
			most = math.Nextafter(v, math.Inf(-1))
		case "=":
			least, most = v, v
		}
		c.AtLeast, c.AtMost = max(c.AtLeast, least), min(c.AtMost, most)
	}
	if c.AtLeast > c.AtMost {
		return c, fmt.Errorf("%q: no number is both", text)
	}
	return c, nil
}

// Comparison is the condition as people write it, without the feature: ">= 2, < 5".
func (c Condition) Comparison() string {
	if c.AtLeast == c.AtMost {
		return "= " + plain(c.AtLeast)
	}
	var parts []string
	if !math.IsInf(c.AtLeast, -1) {
		parts = append(parts, bound(">", c.AtLeast, math.Inf(-1)))
	}
	if !math.IsInf(c.AtMost, 1) {
		parts = append(parts, bound("<", c.AtMost, math.Inf(1)))
	}
	return strings.Join(parts, ", ")
}

// bound tells "> 5" from ">= 5": the number next to an inclusive bound that came of a strict one is written shorter.
func bound(sign string, v, towards float64) string {
	if strict := math.Nextafter(v, towards); len(plain(strict)) < len(plain(v)) {
		return sign + " " + plain(strict+0) // not -0
	}
	return sign + "= " + plain(v)
}

// String is the condition with its feature: "downloads_7d >= 1".
func (c Condition) String() string { return c.Feature + " " + c.Comparison() }

// jsonCondition is what is stored: JSON has no infinity.
type jsonCondition struct {
	Feature    string `json:"feature"`
	Comparison string `json:"is"`
}

// MarshalJSON writes the condition as people write it.
func (c Condition) MarshalJSON() ([]byte, error) {
	return json.Marshal(jsonCondition{c.Feature, c.Comparison()})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *Condition) UnmarshalJSON(text []byte) error {
	var j jsonCondition
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	var err error
	*c, err = parseCondition(j.Feature, j.Comparison)
	return err
}

// plain is a number as people write it.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
