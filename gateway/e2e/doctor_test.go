package e2e

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

// doctor tries the gateway's config out, and gives its status and what it says.
func (w *world) doctor() (int, string) {
	w.t.Helper()
	out, err := exec.CommandContext(limited(w.t), program, "-config", filepath.Join(w.dir, "gatehouse", "config.toml"), "doctor").CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	}
	check(w.t, err)
	return 0, string(out)
}

// says looks for what the doctor should have said.
func (w *world) doctorSays(status int, lines ...string) {
	w.t.Helper()
	got, said := w.doctor()
	if got != status {
		w.t.Errorf("the doctor ended with %d and not %d:\n%s", got, status, said)
	}
	for _, line := range lines {
		if !strings.Contains(said, line) {
			w.t.Errorf("the doctor does not say %q:\n%s", line, said)
		}
	}
	if w.emulate != nil && strings.Contains(said, w.emulate.Token) || strings.Contains(said, secret) {
		w.t.Errorf("the doctor tells a secret:\n%s", said)
	}
}

func TestDoctorTriesTheSetUpOut(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.start(w.sms(w.onEmulate()))
	hook := "http://" + w.http + "/" + smsHost + "/twilio/in"

	w.doctorSays(0,
		"ok     "+smsHost+": It is connected to the XMPP server",
		"ok     "+smsHost+": Twilio takes the account's credentials.",
		"doubt  "+smsHost+": "+ownPhone+" calls the gateway, but not again after a failure: set the address to "+hook+"#rc=5&rp=all.",
		"leads here, and what the provider signs is taken.",
	)
	check(t, w.emulate.SetSMSURL(limited(t), ownPhone, "https://elsewhere.example.org/"))
	w.doctorSays(1, "BAD    "+smsHost+": "+ownPhone+" calls somebody else when a text comes in: set that to "+hook)
	check(t, w.emulate.SetSMSURL(limited(t), ownPhone, hook+"#rc=5&rp=all"))
	w.doctorSays(0, "ok     "+smsHost+": "+ownPhone+" calls the gateway when a text comes in.")

	check(t, w.gateway.Stop(context.WithoutCancel(limited(t))))
	w.doctorSays(0,
		"ok     gateway: It is not running",
		"ok     "+smsHost+": The XMPP server at "+w.prosody.ComponentAddr+" takes the secret, and what is sent to the component comes back.",
		"was not tried, as the gateway is not running.",
	)
	check(t, w.prosody.Stop(context.WithoutCancel(limited(t))))
	w.doctorSays(1, "BAD    "+smsHost+": There is no stream to the XMPP server")
}
