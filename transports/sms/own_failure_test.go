package sms

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
)

func TestFailureOfAnOwnAccountIsItsOwners(t *testing.T) {
	tests := []struct {
		code int
		says string
	}{
		{20003, "Register again with the new token"},
		{21606, "The number can't send texts to this recipient. Look at your account"},
		{30002, "Your account at the provider is suspended. Look at your account"},
		{21610, "opted out"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			w := start(t, newDisk(), &carrier{}, 0)
			defer w.ends()
			var alerts []string
			w.network.tellAdmins = func(text string) { alerts = append(alerts, text) }
			w.ownAs(hisSID, &carrier{process: w.process, plans: []plan{{err: provider.Error(tt.code, nil)}}})
			told := &inbox{}
			his := w.open(mercutio, told)
			defer his.Close(context.Background(), "")
			if _, err := his.Send(t.Context(), transport.Message{Request: "r1", Chat: phone, Text: "a plague"}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			got := told.statuses("r1")
			if len(got) != 1 || !strings.Contains(got[0].Err.Error(), tt.says) || strings.Contains(got[0].Err.Error(), "operator") {
				t.Errorf("%d: told %+v", tt.code, got)
			}
			if len(alerts) > 0 {
				t.Errorf("%d: the administrators were told %q", tt.code, alerts)
			}
		})
	}
}
