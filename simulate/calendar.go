package simulate

import "time"

// Activity by hour of the local day, and by day of the week beginning on Sunday: office hours, a lunch dip, an evening on the sofa.
var (
	weekdayHours = []float64{1, 0.5, 0.3, 0.3, 0.4, 1, 3, 6, 10, 13, 13, 11, 8, 10, 12, 11, 9, 8, 7, 8, 9, 8, 5, 2}
	weekendHours = []float64{2, 1, 0.6, 0.4, 0.4, 0.6, 1, 2, 4, 7, 9, 9, 8, 8, 8, 8, 8, 8, 8, 9, 10, 9, 6, 3}
	weekdayShape = [7]float64{0.62, 1.12, 1.2, 1.18, 1.12, 0.98, 0.66}
)

// A newsletter goes out on Tuesdays; every four weeks a launch is advertised for a week and brings more visits.
const (
	newsletterDay = time.Tuesday
	launchEvery   = 28
	launchLasts   = 7
	launchBoost   = 1.35
)

// today is what the calendar says of one day.
type today struct {
	start   int64 // midnight UTC, milliseconds
	number  int32 // days from the start of the simulation
	weekday time.Weekday
	launch  bool
	shape   float64 // factor on visits
}

func newToday(start int64, number int32) today {
	t := today{start: start, number: number, weekday: time.UnixMilli(start).UTC().Weekday()}
	t.launch = number%launchEvery >= 10 && number%launchEvery < 10+launchLasts
	t.shape = weekdayShape[t.weekday]
	if t.launch {
		t.shape *= launchBoost
	}
	return t
}

func (t *today) hours() []float64 {
	if t.weekday == time.Saturday || t.weekday == time.Sunday {
		return weekendHours
	}
	return weekdayHours
}

// newsletter is a number per week, launch a number per launch: both name campaigns.
func (t *today) newsletter() int32 { return t.number / 7 }
func (t *today) launchNumber() int32 {
	return t.number / launchEvery
}
