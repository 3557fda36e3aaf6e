package sms

import (
	"testing"
	"time"
)

func TestTimesAreReadAsPeopleWriteThem(t *testing.T) {
	berlin, err := zoneOf("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 27, 15, 30, 0, 0, berlin) // a Friday; clocks change on Sunday
	for text, want := range map[string]string{
		"2026-03-28T09:00:00Z":      "2026-03-28T09:00:00Z",
		"2026-03-28T09:00:00+02:00": "2026-03-28T07:00:00Z",
		"in 2h":                     "2026-03-27T16:30:00Z",
		"2h":                        "2026-03-27T16:30:00Z",
		"In 90 Minutes":             "2026-03-27T16:00:00Z",
		"in 3 days":                 "2026-03-30T14:30:00Z",
		"1 week":                    "2026-04-03T14:30:00Z",
		"tomorrow 9:00":             "2026-03-28T08:00:00Z",
		"tomorrow at 9am":           "2026-03-28T08:00:00Z",
		"today 18.15":               "2026-03-27T17:15:00Z",
		"16:00":                     "2026-03-27T15:00:00Z",
		"9:00":                      "2026-03-28T08:00:00Z", // today's is over
		"sunday 9:00":               "2026-03-29T07:00:00Z", // in summer time
		"fri 16:00":                 "2026-03-27T15:00:00Z",
		"friday 9:00":               "2026-04-03T07:00:00Z",
		"2026-12-24 18:00":          "2026-12-24T17:00:00Z",
		"2026-4-1 12pm":             "2026-04-01T10:00:00Z",
		"12am":                      "2026-03-27T23:00:00Z",

		"":                     "",
		"soon":                 "",
		"yesterday 9:00":       "",
		"today 9:00":           "",
		"25:00":                "",
		"9:60":                 "",
		"13pm":                 "",
		"in 0 minutes":         "",
		"in 9999 days":         "",
		"2026-02-30 9:00":      "",
		"2026-03-27 15:30":     "",
		"2020-01-01T00:00:00Z": "",
	} {
		got, err := parseWhen(text, now)
		if want == "" {
			if err == nil {
				t.Errorf("%q is %s, want an error", text, got)
			}
			continue
		}
		if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%q is %s, %v, want %s", text, got.UTC().Format(time.RFC3339), err, want)
		}
	}
}

func TestQuietHoursEnd(t *testing.T) {
	tests := []struct{ hours, now, end string }{
		{"22:00-07:00", "23:15", "2026-03-28 07:00"},
		{"22:00-07:00", "06:59", "2026-03-27 07:00"},
		{"22:00-07:00", "07:00", ""},
		{"22:00-07:00", "12:00", ""},
		{"10pm - 7am", "22:00", "2026-03-28 07:00"},
		{"13:00–14:30", "13:10", "2026-03-27 14:30"},
		{"13:00-14:30", "14:30", ""},
	}
	for _, tt := range tests {
		q, err := parseQuiet(tt.hours)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse("2006-01-02 15:04", "2026-03-27 "+tt.now)
		if err != nil {
			t.Fatal(err)
		}
		end, quiet := q.until(now)
		if quiet != (tt.end != "") || quiet && end.Format("2006-01-02 15:04") != tt.end {
			t.Errorf("%s at %s: until %s, %t", tt.hours, tt.now, end, quiet)
		}
	}
	for _, hours := range []string{"", "22:00", "22:00-22:00", "25:00-07:00", "night"} {
		if _, err := parseQuiet(hours); err == nil {
			t.Errorf("%q are hours", hours)
		}
	}
}

func FuzzWhen(f *testing.F) {
	for _, text := range []string{"in 2h", "tomorrow 9:00", "fri 6pm", "2026-12-24 18:00", "99999999999999999999h", "2026-12-24T18:00:00Z"} {
		f.Add(text)
	}
	now := time.Date(2026, 3, 27, 15, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if at, err := parseWhen(text, now); err == nil && (!at.After(now) || at.Sub(now) > latest) {
			t.Errorf("%q is %s", text, at)
		}
	})
}
