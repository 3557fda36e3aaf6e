package provider

import "github.com/warthog618/sms/encoding/gsm7/charset"

// The library makes its tables of the GSM alphabet when they are first asked
// for, without a lock: so that is done here, before there is anybody else.
func init() {
	charset.DefaultEncoder()
	charset.DefaultExtEncoder()
	for language := range 14 { // 3GPP TS 23.038 §6.2.1.2.4
		charset.NewEncoder(language)
		charset.NewExtEncoder(language)
	}
}
