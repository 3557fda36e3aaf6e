package e2e

import (
	"fmt"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
	"gatehouse/transports/sms/twilio/conversationstest"
)

func TestGroupTextThroughConversations(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	w.needHTTP()
	const token = "0123456789abcdef0123456789abcdef"
	twilio := conversationstest.Start(token)
	t.Cleanup(twilio.Close)
	w.start(loopbackOnly, fmt.Sprintf("[media]\npublic_url = %q\n", "http://"+w.http+"/media"), w.sms(fmt.Sprintf(`provider = "twilio"
[component.sms.twilio]
account_sid = "AC00000000000000000000000000000001"
auth_token = %q
api_base = %q
public_url = "http://%s/%s"
group = "conversations"
reconcile = "1s"
`, token, twilio.URL, w.http, smsHost)))
	romeo := w.logIn("romeo", "orchard")
	romeo.joins(family, "Romeo")

	romeo.says(family, "groupchat", "g1", "supper at nine", "")
	romeo.gets(message, from(family+"/Romeo"), id("g1"), body("supper at nine"))
	var group conversationstest.Conversation
	check(t, eventually(limited(t), func() error {
		for _, group = range twilio.Conversations() {
			if len(group.Messages) == 1 && group.Messages[0].Body == "supper at nine" {
				return nil
			}
		}
		return fmt.Errorf("the conversations are %+v", twilio.Conversations())
	}))
	if len(group.Participants) != 3 {
		t.Errorf("the participants are %+v", group.Participants)
	}

	if got := twilio.Text(group.SID, cousin, "I bring wine", false); len(got) != 1 || got[0] != 200 {
		t.Errorf("the webhook answers %v", got)
	}
	romeo.gets(message, from(family+"/"+cousin), typed("groupchat"), body("I bring wine"))
	twilio.Text(group.SID, friend, "nobody was called about this", true)
	romeo.gets(message, from(family+"/"+friend), typed("groupchat"), body("nobody was called about this"))

	torch := conversationstest.File{SID: "ME00000000000000000000000000000001", Name: "torch.txt", Type: "application/pdf", Content: "%PDF-1.4 a torch"}
	twilio.Text(group.SID, cousin, "", false, torch)
	link, _ := romeo.getsFile(family+"/"+cousin, "application/pdf", "torch.pdf")
	if _, got := fetched(t, link); string(got) != torch.Content {
		t.Errorf("the file is %q", got)
	}

	for _, p := range group.Participants {
		if p.Address == cousin {
			twilio.Report(group.SID, group.Messages[0].SID, p.SID, "undelivered", 30003)
		}
	}
	romeo.gets(message, from(family), typed("groupchat"), func(s xmppclient.Stanza) bool {
		return strings.HasPrefix(s.Body(), cousin+" did not get what you sent.")
	})

	// A call without an answer is looked for, not repeated.
	twilio.Lose("POST Messages")
	romeo.says(family, "groupchat", "g2", "at whose house?", "")
	romeo.gets(message, from(family+"/Romeo"), id("g2"))
	w.logs("nobody knows whether a text was taken")
	romeo.says(family, "groupchat", "g3", "mine", "")
	check(t, eventually(limited(t), func() error {
		said := []string{}
		for _, m := range twilio.Conversations()[0].Messages {
			if strings.HasPrefix(m.Author, "gatehouse-") {
				said = append(said, m.Body)
			}
		}
		if got := strings.Join(said, "|"); got != "supper at nine|at whose house?|mine" {
			return fmt.Errorf("said was %q", got)
		}
		return nil
	}))
}
