package policy

import (
	"fmt"
	"time"
)

// Day is a calendar day in UTC as 2006-01-02; the empty day is none. Days compare as text.
type Day string

// DayOf is the day on which t lies in UTC.
func DayOf(t time.Time) Day { return Day(t.UTC().Format(time.DateOnly)) }

// ParseDay reads 2006-01-02 and nothing else.
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || t.Year() < 1970 {
		return "", fmt.Errorf("%.32q is not a day such as 2027-03-31", text)
	}
	return DayOf(t), nil
}

// Until is the number of days from d to other: negative where other lies before d, zero where one of them is no day.
func (d Day) Until(other Day) int {
	from, err1 := time.Parse(time.DateOnly, string(d))
	to, err2 := time.Parse(time.DateOnly, string(other))
	if err1 != nil || err2 != nil {
		return 0
	}
	return int(to.Sub(from) / (24 * time.Hour))
}

// Add is the day that many days later.
func (d Day) Add(days int) Day {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return ""
	}
	return DayOf(t.AddDate(0, 0, days))
}
