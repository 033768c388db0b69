package main

import (
	"log/slog"
	"slices"
	"strings"
)

// notSettings are variables of ours that are no settings of the service: of the file with settings, and of tests.
var notSettings = []string{"LIVELLO_CONFIG", "LIVELLO_FAULTS", "LIVELLO_SCALE", "LIVELLO_SEED"}

// strays are the variables that are called like settings and are none: a misspelt limit is no limit. It is not an error, because Kubernetes sets variables that
// begin with the name of each service it knows.
func strays(environ []string) (found []string) {
	c := defaults()
	list := settings(&c)
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		key, ours := strings.CutPrefix(name, "LIVELLO_")
		if !ours || slices.Contains(notSettings, name) || slices.ContainsFunc(list, func(s setting) bool { return s.env() == name && !s.inFileOnly() }) {
			continue
		}
		if s, ok := nearest(key, list, func(s setting) string { return strings.TrimPrefix(s.env(), "LIVELLO_") }, "_"); ok {
			hint := " (did you mean " + s.env() + "?)"
			if s.inFileOnly() {
				hint = " (" + s.key + " stands in the file of --config)"
			}
			name += hint
		}
		found = append(found, name)
	}
	slices.Sort(found)
	return found
}

// warnOfStrays says so in the log.
func warnOfStrays(log *slog.Logger, environ []string) {
	if found := strays(environ); len(found) > 0 {
		log.Warn("variables that are no settings are ignored", "variables", found)
	}
}
