package main

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestThePlotIsWellFormed(t *testing.T) {
	svg := plot([]curve{
		{"memory", "users", "MiB", []measurement{{10, 1}, {30, 3}, {100, 10}}},
		{"CPU", "users", "s", []measurement{{10, 0}, {100, 0.5}}}, // too little to tell
		{"one", "users", "s", []measurement{{10, 10}}},
	})
	circles := 0
	for in := xml.NewDecoder(strings.NewReader(svg)); ; {
		tok, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
		if e, ok := tok.(xml.StartElement); ok && e.Name.Local == "circle" {
			circles++
		}
	}
	if circles != 6 || strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
		t.Errorf("%d points in %s", circles, svg)
	}
	if got := steps(1000); !slices.Equal(got, []int{10, 30, 100, 300, 1000}) {
		t.Errorf("steps %v", got)
	}
}
