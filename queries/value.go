package queries

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// types are what a parameter can be.
var types = []string{"String", "Array(String)", "UInt8", "UInt16", "UInt32", "UInt64", "Int32", "Int64", "Float64", "Bool", "Date", "DateTime64(3)"}

func supported(typ string) bool {
	for _, t := range types {
		if t == typ {
			return true
		}
	}
	return false
}

// longest is the most characters of a text value: ids, kinds and paths are shorter, and a URL holds little more.
const longest = 2048

// value turns what a caller wrote into the value that is bound to the placeholder: string, []string, uint64, int64, float64,
// bool; dates and times become ClickHouse text in UTC. now is what "now" and "today" refer to.
func (p Param) value(s string, now time.Time) (any, error) {
	if !utf8.ValidString(s) {
		return nil, p.invalid("the value is not valid UTF-8", "send UTF-8 text")
	}
	switch p.Type {
	case "String":
		return s, p.checkText(s)
	case "Array(String)":
		return p.list(s)
	case "UInt8", "UInt16", "UInt32", "UInt64":
		bits, _ := strconv.Atoi(strings.TrimPrefix(p.Type, "UInt"))
		n, err := strconv.ParseUint(s, 10, bits)
		if err != nil {
			return nil, p.invalid(fmt.Sprintf("%q is no whole number from 0 to %d", clip(s), uint64(math.MaxUint64)>>(64-bits)), p.example())
		}
		if p.Bounds != nil && (n > math.MaxInt64 || int64(n) < p.Bounds.Min || int64(n) > p.Bounds.Max) {
			return nil, p.outside(s)
		}
		return n, nil
	case "Int32", "Int64":
		bits, _ := strconv.Atoi(strings.TrimPrefix(p.Type, "Int"))
		n, err := strconv.ParseInt(s, 10, bits)
		if err != nil {
			return nil, p.invalid(fmt.Sprintf("%q is no whole number of %d bits", clip(s), bits), p.example())
		}
		if p.Bounds != nil && (n < p.Bounds.Min || n > p.Bounds.Max) {
			return nil, p.outside(s)
		}
		return n, nil
	case "Float64":
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, p.invalid(fmt.Sprintf("%q is no number", clip(s)), p.example())
		}
		if p.Bounds != nil && (f < float64(p.Bounds.Min) || f > float64(p.Bounds.Max)) {
			return nil, p.outside(s)
		}
		return f, nil
	case "Bool":
		switch strings.ToLower(s) {
		case "true", "1", "yes":
			return true, nil
		case "false", "0", "no":
			return false, nil
		}
		return nil, p.invalid(fmt.Sprintf("%q is neither true nor false", clip(s)), "write true or false")
	case "Date":
		t, err := parseTime(s, now)
		if err != nil {
			return nil, p.invalid(err.Error(), timeHelp)
		}
		return t.Format("2006-01-02"), nil
	case "DateTime64(3)":
		t, err := parseTime(s, now)
		if err != nil {
			return nil, p.invalid(err.Error(), timeHelp)
		}
		return t.Format("2006-01-02 15:04:05.000"), nil
	}
	return nil, fmt.Errorf("param %s: type %s is not supported", p.Name, p.Type)
}

// list reads an array of texts: divided by commas, or as a JSON array when a value holds a comma.
func (p Param) list(s string) ([]string, error) {
	list := []string{}
	switch trimmed := strings.TrimSpace(s); {
	case strings.HasPrefix(trimmed, "["):
		if err := json.Unmarshal([]byte(trimmed), &list); err != nil {
			return nil, p.invalid(fmt.Sprintf("%q is no JSON array of texts", clip(s)), `write a,b or ["a","b"]`)
		}
	case trimmed != "":
		for _, item := range strings.Split(trimmed, ",") {
			list = append(list, strings.TrimSpace(item))
		}
	}
	for _, item := range list {
		if item == "" {
			return nil, p.invalid("one of the values is empty", `write a,b or ["a","b"]`)
		}
		if err := p.checkText(item); err != nil {
			return nil, err
		}
	}
	if n := int64(len(list)); p.Bounds != nil && (n < p.Bounds.Min || n > p.Bounds.Max) {
		return nil, p.invalid(fmt.Sprintf("%d values were given", n), fmt.Sprintf("give %d to %d, divided by commas", p.Bounds.Min, p.Bounds.Max))
	}
	return list, nil
}

func (p Param) checkText(s string) error {
	if n := utf8.RuneCountInString(s); n > longest {
		return p.invalid(fmt.Sprintf("the value has %d characters", n), fmt.Sprintf("at most %d are taken", longest))
	}
	return nil
}

func (p Param) outside(s string) error {
	return p.invalid(clip(s)+" is out of bounds", fmt.Sprintf("give %d to %d", p.Bounds.Min, p.Bounds.Max))
}

func (p Param) invalid(message, help string) error {
	return &Error{Code: CodeInvalidParam, Field: p.Name, Message: message, Help: help}
}

// example says what would be accepted.
func (p Param) example() string {
	if p.Default != "" {
		return "for example " + p.Default
	}
	return "for example 10"
}
