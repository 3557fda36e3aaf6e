package sms

import (
	"context"
	"testing"

	"gatehouse/gateway/transport"
	"gatehouse/gateway/transport/transporttest"
	"gatehouse/transports/sms/provider"
)

func TestNetworkKeepsTheContract(t *testing.T) {
	transporttest.RunInBubble(t, func(t *testing.T) transporttest.Subject {
		outbox := &transporttest.Outbox{Records: &transporttest.Records{}}
		o := Defaults()
		o.Users = []User{{romeo, romeoNumber}}
		made, err := o.New(transport.Env{Log: discard, Outbox: outbox, Records: outbox.Records})
		if err != nil {
			t.Fatal(err)
		}
		n := made.(*Network)
		return transporttest.Subject{
			Network: n,
			Account: transport.Account{User: romeo},
			Person:  phone,
			Outbox:  outbox,
			Inbound: func(text string) error {
				return n.Receive(context.Background(), provider.Inbound{
					ID: transport.MessageID("SM" + text), From: string(phone), To: romeoNumber, Text: text,
				})
			},
		}
	})
}
