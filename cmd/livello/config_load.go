package main

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/agext/levenshtein"
	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/maps"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// loadConfig puts the configuration together: flags before environment before file before defaults.
// An unknown key in the file is an error, so that a misspelt limit is not a limit that silently does nothing.
func loadConfig(path string, getenv func(string) string, flags *pflag.FlagSet) (Config, error) {
	cfg := defaults()
	list := settings(&cfg)
	k := koanf.New(".")
	origin := map[string]string{}

	if path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return cfg, fmt.Errorf("read config file: %w", err)
		}
		tree, err := yaml.Parser().Unmarshal(text)
		if err != nil {
			return cfg, fmt.Errorf("config file %s: %w", path, err)
		}
		if err := checkKeys(tree, list); err != nil {
			return cfg, fmt.Errorf("config file %s: %w", path, err)
		}
		if err := k.Load(confmap.Provider(tree, ""), nil); err != nil {
			return cfg, fmt.Errorf("merge config file %s: %w", path, err)
		}
		for _, s := range list {
			origin[s.key] = "in " + path
		}
	}
	over := map[string]any{}
	for _, s := range list {
		if s.inFileOnly() {
			continue
		}
		if v := getenv(s.env()); v != "" {
			over[s.key] = v
			origin[s.key] = "in the environment as " + s.env()
		}
		if f := flags.Lookup(s.flag()); f != nil && f.Changed {
			over[s.key] = f.Value.String()
			origin[s.key] = "as --" + s.flag()
		}
	}
	if err := k.Load(confmap.Provider(over, "."), nil); err != nil {
		return cfg, fmt.Errorf("merge settings: %w", err)
	}

	for _, s := range list {
		if !k.Exists(s.key) {
			continue
		}
		if err := decode(k, s); err != nil {
			return cfg, fmt.Errorf("setting %s %s: %w", s.key, origin[s.key], err)
		}
	}
	if cfg.SQL.Listen == "off" { // an empty variable is one that is not set
		cfg.SQL.Listen = ""
	}
	return cfg, cfg.validate()
}

func decode(k *koanf.Koanf, s setting) error {
	err := k.UnmarshalWithConf(s.key, s.value.Addr().Interface(), koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		TagName:          "koanf",
		WeaklyTypedInput: !s.inFileOnly(),
		ErrorUnused:      true, // in the entries of `sources`
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			durationOf,
			mapstructure.StringToSliceHookFunc(","),
			mapstructure.TextUnmarshallerHookFunc(),
		),
	}})
	if err == nil {
		return nil
	}
	// mapstructure writes a paragraph about '' (the value has no name where it stands); its lines are what matters.
	text := strings.NewReplacer("decoding failed due to the following error(s):", "", "'' ", "", "error decoding '': ", "", "\n", " ").Replace(err.Error())
	return errors.New(strings.TrimSpace(text))
}

// durationOf reads a duration with its unit. A bare number would count as nanoseconds, which nobody means.
func durationOf(_, to reflect.Type, value any) (any, error) {
	if to != reflect.TypeFor[time.Duration]() {
		return value, nil
	}
	text := fmt.Sprint(value)
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no duration: write a number and ms, s, m or h, as 200ms, 20s or 168h", text)
	}
	return d, nil
}

// checkKeys says which key of the file is no setting, and which one may have been meant.
func checkKeys(raw map[string]any, list []setting) error {
	flat, _ := maps.Flatten(raw, nil, ".")
	var unknown []string
	for key := range flat {
		if !isSetting(key, list) {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	sort.Strings(unknown)
	var errs []error
	for _, key := range unknown {
		hint := ""
		if meant, ok := nearest(key, list, func(s setting) string { return s.key }, "."); ok {
			hint = "; did you mean " + meant.key + "?"
		}
		errs = append(errs, fmt.Errorf("unknown setting %s%s", key, hint))
	}
	return errors.Join(errs...)
}

func isSetting(key string, list []setting) bool {
	for _, s := range list {
		switch {
		case key == s.key:
			return true
		case strings.HasPrefix(s.key, key+"."):
			return true // an empty section, `limits:` without anything below it
		}
	}
	return false
}

// nearest finds the setting whose name takes the fewest changed letters, if it is few. Parts of names are joined by sep.
func nearest(key string, list []setting, name func(setting) string, sep string) (best setting, ok bool) {
	most := min(4, len(key)/2+1)
	fewest := most
	for _, s := range list {
		of := name(s)
		if n := levenshtein.Distance(key, of, nil); n < fewest {
			best, ok, fewest = s, true, n
		}
		// the right word in the wrong section
		if _, last, two := strings.Cut(of, sep); two && last == key[strings.LastIndex(key, sep)+1:] && fewest == most {
			best, ok, fewest = s, true, most-1
		}
	}
	return best, ok
}
