package gammu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const waitsLong = 5 * time.Minute // more than any modem takes for a text

// Examine implements provider.Examiner: the folders, and what lies in them.
func (p *Provider) Examine(_ context.Context, numbers []string, e transport.Examination) {
	for _, number := range numbers {
		if number != p.options.Number {
			e.Bad(number + " is a user's, and not the SIM card's number, which is gammu.number.")
		}
	}
	usable := true
	for _, folder := range []string{inbox, outbox, sent, failed} {
		if err := p.spool.usable(folder); err != nil {
			usable = false
			e.Bad(fmt.Sprintf("%s can't be used: %v. Gammu-smsd's folders must be there, and the gateway must be let in; transports/sms/README.md tells how.", p.spool.path(folder, ""), withoutPath(err)))
		}
	}
	if !usable {
		return
	}
	e.Good("Gammu-smsd's folders in " + p.options.Spool + " can be read and written.")
	names, err := p.spool.names(inbox)
	for _, name := range names {
		if content, readErr := p.spool.read(inbox, name); strings.HasPrefix(name, "IN") && readErr == nil {
			if _, formErr := readSections(content); errors.Is(formErr, errNotDetail) {
				e.Bad("The inbox has texts in another format: set inboxformat = detail in gammu-smsd's configuration.")
				break
			}
		}
	}
	files, outErr := p.spool.files(outbox)
	if err := errors.Join(err, outErr); err != nil {
		e.Bad(fmt.Sprintf("Gammu-smsd's folders can't be read: %v.", withoutPath(err)))
		return
	}
	if len(files) > 0 {
		if age, err := p.spool.age(outbox, files[0].name); err == nil && age > waitsLong {
			e.Doubtful(fmt.Sprintf("A text has waited for gammu-smsd for %v. Is it running, and has the modem a network? Its log tells.", age.Round(time.Minute)))
			return
		}
	}
	e.Good("No text has waited long for gammu-smsd.")
}

// usable says whether files can be put into a folder and taken out.
func (s spool) usable(folder string) error {
	f, err := os.CreateTemp(s.path(folder, ""), ".gatehouse-")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}
