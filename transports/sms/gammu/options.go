package gammu

import (
	"path/filepath"
	"regexp"
	"time"

	"gatehouse/gateway/transport"
)

// Options are the table [component.sms.gammu].
type Options struct {
	Spool  string        `toml:"spool"`   // with gammu-smsd's folders inbox, outbox, sent and error in it
	Number string        `toml:"number"`  // the SIM card's, E.164
	GiveUp time.Duration `toml:"give_up"` // then a text that waits for the modem fails
}

// Defaults are the options for gammu-smsd as Debian packs it.
func Defaults() Options {
	return Options{Spool: "/var/spool/gammu", GiveUp: time.Hour}
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// Check looks at the values and at no file.
func (o Options) Check() error {
	switch {
	case !filepath.IsAbs(o.Spool):
		return optionError("spool", `is not an absolute path; write the folder with gammu-smsd's inbox, outbox, sent and error, like "/var/spool/gammu"`)
	case !e164.MatchString(o.Number):
		return optionError("number", `must be the SIM card's own number, written like "+15551234567"`)
	case o.GiveUp < time.Minute || o.GiveUp > 24*time.Hour:
		return optionError("give_up", `must be from "1m" to "24h"`)
	}
	return nil
}

func optionError(key, problem string) error {
	return &transport.OptionError{Key: "gammu." + key, Problem: problem}
}
