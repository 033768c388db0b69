package main

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes, written as 16MiB, 500kB or a plain number.
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{
	{"gib", 1 << 30}, {"mib", 1 << 20}, {"kib", 1 << 10}, {"gb", 1e9}, {"mb", 1e6}, {"kb", 1e3}, {"b", 1}, {"", 1},
}

// UnmarshalText parses a size.
func (s *Size) UnmarshalText(text []byte) error {
	lower := strings.ToLower(strings.TrimSpace(string(text)))
	for _, unit := range sizeUnits {
		number, ok := strings.CutSuffix(lower, unit.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(n >= 0) || n*float64(unit.bytes) > 1<<62 {
			break
		}
		*s = Size(n * float64(unit.bytes))
		return nil
	}
	return fmt.Errorf("%q is no size: write 16MiB, 500kB or a number of bytes", text)
}

// String writes whole binary units where it can.
func (s Size) String() string {
	for _, unit := range sizeUnits[:3] {
		if int64(s) >= unit.bytes && int64(s)%unit.bytes == 0 {
			return fmt.Sprintf("%d%s", int64(s)/unit.bytes, map[string]string{"gib": "GiB", "mib": "MiB", "kib": "KiB"}[unit.suffix])
		}
	}
	return strconv.FormatInt(int64(s), 10)
}
