package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// setting is one leaf of Config.
type setting struct {
	key    string // path in the file, joined by dots
	help   string
	secret bool
	value  reflect.Value // the field itself
}

// settings lists the leaves of c in the order of the struct.
func settings(c *Config) []setting {
	var list []setting
	var walk func(prefix string, v reflect.Value)
	walk = func(prefix string, v reflect.Value) {
		for i := range v.NumField() {
			field := v.Type().Field(i)
			key := prefix + field.Tag.Get("koanf")
			if field.Type.Kind() == reflect.Struct {
				walk(key+".", v.Field(i))
				continue
			}
			list = append(list, setting{key, field.Tag.Get("help"), field.Tag.Get("secret") != "", v.Field(i)})
		}
	}
	walk("", reflect.ValueOf(c).Elem())
	return list
}

func (s setting) env() string {
	return "LIVELLO_" + strings.ToUpper(strings.ReplaceAll(s.key, ".", "_"))
}
func (s setting) flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(s.key) }

// inFileOnly says that the setting is a table: no flag or variable could hold it.
func (s setting) inFileOnly() bool {
	return s.value.Kind() == reflect.Slice && s.value.Type().Elem().Kind() == reflect.Struct
}

// text is the value as one would write it.
func (s setting) text() string {
	switch v := s.value.Interface().(type) {
	case time.Duration:
		return duration(v)
	case []string:
		return strings.Join(v, ",")
	case fmt.Stringer:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}

// duration writes 168h rather than 168h0m0s.
func duration(d time.Duration) string {
	s := d.String()
	if d >= time.Minute {
		s = strings.TrimSuffix(s, "0s")
	}
	if d >= time.Hour {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// settingFlags adds a flag for every setting that fits on a command line, in the order of Config.
// Their values are read by loadConfig, which alone knows the precedence: here they are only text.
func settingFlags(flags *pflag.FlagSet) {
	c := defaults()
	for _, s := range settings(&c) {
		if !s.inFileOnly() && flags.Lookup(s.flag()) == nil {
			flags.String(s.flag(), s.text(), s.help)
			if s.value.Kind() == reflect.Bool {
				flags.Lookup(s.flag()).NoOptDefVal = "true"
			}
		}
	}
}
