package twilio

import "testing"

func TestANumberSendsAtTheRateOfItsKind(t *testing.T) {
	kinds := New(testOptions(), &receiver{}, discard)
	o := testOptions()
	o.MPS, o.MPSOf = 7, map[string]float64{"+15005550001": 0.5}
	agreed := New(o, &receiver{}, discard)
	for _, tt := range []struct {
		name, number string
		usual, want  float64
	}{
		{"long code of the US", "+15005550001", 1, 0.5},
		{"long code of Canada", "+14165550123", 1, 7},
		{"toll-free", "+18005550123", 3, 7},
		{"another toll-free", "+18335550123", 3, 7},
		{"long code of Germany", "+4915112345678", 10, 7},
		{"short code", "32665", 100, 7},
		{"letters", "Verona Bank", 10, 7},
	} {
		if got := kinds.Rate(tt.number); got != tt.usual {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.usual)
		}
		if got := agreed.Rate(tt.number); got != tt.want {
			t.Errorf("%s, as agreed: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
