package sms

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

const romeoSecond = "+15005550011"

// settingsOf are what users set for the whole network.
type settingsOf struct {
	mu  sync.Mutex
	set map[string]transport.Values
}

func (s *settingsOf) Of(user string, at transport.Address) (transport.Values, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at != "" {
		return nil, nil
	}
	return s.set[user], nil
}

// sets stores what a user answered, as the gateway does.
func (w *world) sets(name, value string) (complaints []string) {
	w.t.Helper()
	checked, complaints := w.network.CheckSettings(romeo, "", transport.Server, transport.Values{name: {value}})
	s := w.network.settings.(*settingsOf)
	s.mu.Lock()
	s.set[romeo] = checked
	s.mu.Unlock()
	w.link.(transport.Reconfigurable).Reconfigured("")
	return complaints
}

func TestUserChoosesWhichNumberSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := start(t, newDisk(), &carrier{}, 0)
		defer w.ends()
		w.network.settings = &settingsOf{set: map[string]transport.Values{}}
		w.network.lines.assign(romeo, romeoSecond, w.network.lines.trunk(operatorTrunk))

		form, ok := w.network.SettingsForm(romeo, "", transport.Server, nil)
		want := optionsOf([]string{romeoNumber, romeoSecond})
		if !ok || !cmp.Equal(form.Fields[0].Options, want) || !cmp.Equal(form.Fields[0].Values, []string{romeoNumber}) {
			t.Errorf("the form is %+v", form)
		}
		w.mustSend("r1", phone, "one")
		if c := w.sets(settingNumber, "(500) 555-0011"); len(c) != 0 {
			t.Errorf("complaints: %q", c)
		}
		w.mustSend("r2", phone, "two")
		if c := w.sets(settingNumber, sharedNumber); len(c) != 1 || !strings.Contains(c[0], "not one of your numbers") {
			t.Errorf("complaints about another's number: %q", c)
		}
		w.mustSend("r3", phone, "three")
		w.sets(settingNumber, romeoSecond)
		if err := w.link.Close(context.Background(), ""); err != nil {
			t.Fatal(err)
		}
		w.network.lines.prefer(romeo, "")
		w.link = w.open(romeo, w.romeo) // finds what was set
		w.mustSend("r4", phone, "four")
		synctest.Wait()
		from := map[string]string{}
		for _, o := range w.carrier.taken {
			from[o.Text] = o.From
		}
		wantFrom := map[string]string{"one": romeoNumber, "two": romeoSecond, "three": romeoNumber, "four": romeoSecond}
		if diff := cmp.Diff(wantFrom, from); diff != "" {
			t.Error(diff)
		}
	})
}
