package main

import (
	"bytes"
	"time"

	"github.com/livello/livello/simulate"
)

// workload is what every run sends: request bodies made before the clock starts.
type workload struct {
	bodies [][]byte
	events int
	bytes  int
}

// simulated is 90 days of a company's audience, as large as the number of events asks for.
func simulated(o options) (workload, error) {
	const perPerson = 55 // messages of a person in 90 days; more people than needed, and the rest is cut
	s, err := simulate.New(simulate.Config{
		People: o.events/perPerson*3/2 + 100, Days: 90, Seed: 1, Start: time.Now().UTC().AddDate(0, 0, -90),
	})
	if err != nil {
		return workload{}, err
	}
	var w workload
	for batch := range s.Batches(o.batch) {
		w.bodies = append(w.bodies, bytes.Clone(batch.NDJSON))
		w.events += batch.Messages
		w.bytes += len(batch.NDJSON)
		if w.events >= o.events {
			break
		}
	}
	return w, nil
}
