package provider

import "github.com/warthog618/sms/encoding/gsm7/charset"

// The library makes the tables of an alphabet when one is first asked for,
// whichever goroutines ask at that moment: so they are made before there are
// any.
func init() {
	charset.DefaultDecoder()
	charset.DefaultEncoder()
	charset.DefaultExtEncoder()
	for language := range 16 { // 3GPP TS 23.038 §6.2.1.2.4 has 13
		charset.NewDecoder(language)
		charset.NewEncoder(language)
		charset.NewExtDecoder(language)
		charset.NewExtEncoder(language)
	}
}
