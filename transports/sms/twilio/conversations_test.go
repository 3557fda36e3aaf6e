package twilio

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/transport"
	"gatehouse/transports/sms/provider"
	"gatehouse/transports/sms/provider/providertest"
	"gatehouse/transports/sms/twilio/conversationstest"
)

const juliet, nurse = "+15551234567", "+15557654321"

var supper = provider.Outgoing{From: own, Group: []string{juliet, nurse}, Text: "supper at nine", Ref: "1.1.1"}

// groupStage is a provider between a server of ours and its own webhooks.
func groupStage(t *testing.T) (*Provider, *conversationstest.Server, *receiver) {
	t.Helper()
	o := testOptions()
	s := conversationstest.Start(o.AuthToken.Reveal())
	t.Cleanup(s.Close)
	r := &receiver{}
	o.APIBase, o.Group = s.URL, groupConversations
	p := New(o, r, discard)
	hooks := httptest.NewServer(p.Webhooks())
	t.Cleanup(hooks.Close)
	p.public = hooks.URL
	return p, s, r
}

func TestGroupTextGoesIntoItsConversation(t *testing.T) {
	p, s, r := groupStage(t)
	first, err := p.Send(t.Context(), supper)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(t.Context(), supper); err != nil {
		t.Fatal(err)
	}
	p.groups = newKnownConversations() // as after a restart
	if _, err := p.Send(t.Context(), supper); err != nil {
		t.Fatal(err)
	}
	all := s.Conversations()
	if len(all) != 1 || len(all[0].Messages) != 3 || len(all[0].Hooks) != 1 || all[0].Hooks[0] != p.public+pathConversations {
		t.Fatalf("there are %+v", all)
	}
	c := all[0]
	if len(c.Participants) != 3 || c.Participants[0].Projected != own || c.Participants[0].Identity != "gatehouse-15005550001" || c.Participants[1].Address != juliet {
		t.Errorf("the participants are %+v", c.Participants)
	}
	if m := c.Messages[0]; m.Author != "gatehouse-15005550001" || m.Body != supper.Text || first.ID != transport.MessageID(c.SID+"/"+m.SID) {
		t.Errorf("said was %+v as %s", m, first.ID)
	}

	if got := s.Text(c.SID, nurse, "I come", false); !slices.Equal(got, []int{200}) {
		t.Errorf("the webhook answers %v", got)
	}
	s.Text(c.SID, "gatehouse-15005550001", "my own words", false)
	if len(r.In) != 1 || r.In[0].From != nurse || r.In[0].To != own || !slices.Equal(r.In[0].Group, []string{juliet}) || r.In[0].Text != "I come" {
		t.Errorf("received were %+v", r.In)
	}
	s.Text(c.SID, juliet, "nobody was called", true)
	l, err := p.groupsReceived(t.Context(), own, time.Now().Add(-time.Minute), func(id transport.MessageID) bool {
		return id == r.In[0].ID
	})
	if err != nil || len(l) != 1 || l[0].Text != "nobody was called" || l[0].From != juliet {
		t.Errorf("asked for, there are %+v, error %v", l, err)
	}

	s.Report(c.SID, c.Messages[0].SID, c.Participants[2].SID, "undelivered", 30003)
	s.Report(c.SID, c.Messages[0].SID, c.Participants[1].SID, "delivered", 0)
	if len(r.Reports) != 1 || r.Reports[0].Who != nurse || r.Reports[0].ID != first.ID || r.Reports[0].Status != transport.Failed || r.Reports[0].Err.Code != "30003" {
		t.Errorf("reported were %+v", r.Reports)
	}
	status := func(want transport.Status) {
		t.Helper()
		if got, err := p.Status(t.Context(), first.ID); err != nil || got.Status != want {
			t.Errorf("its status is %+v, error %v", got, err)
		}
	}
	status(transport.Accepted)
	s.Deliver(c.SID, c.Messages[0].SID, map[string]string{"delivered": "some", "undelivered": "some", "failed": "none"})
	status(transport.Accepted)
	s.Deliver(c.SID, c.Messages[0].SID, map[string]string{"delivered": "all", "failed": "none"})
	status(transport.Delivered)
	s.Deliver(c.SID, c.Messages[0].SID, map[string]string{"delivered": "none", "failed": "all"})
	status(transport.Failed)
	if _, err := p.Status(t.Context(), "CHx/IMx"); !errors.Is(err, provider.ErrUnknownMessage) {
		t.Errorf("the status of nothing: %v", err)
	}
}

func TestFilesOfAGroupAreFetched(t *testing.T) {
	p, s, r := groupStage(t)
	if _, err := p.Send(t.Context(), supper); err != nil {
		t.Fatal(err)
	}
	c := s.Conversations()[0]
	file := conversationstest.File{SID: "ME00000000000000000000000000000001", Name: "torch.png", Type: "image/png", Content: "a torch"}
	odd := conversationstest.File{SID: "../../x", Type: "image/png"}
	s.Text(c.SID, nurse, "look", false, file, odd)
	s.Text(c.SID, juliet, "", true, file)
	known := func(transport.MessageID) bool { return false }
	listed, err := p.groupsReceived(t.Context(), own, time.Now().Add(-time.Minute), known)
	if err != nil || len(r.In) != 1 || len(listed) != 2 {
		t.Fatalf("told were %+v and listed %+v, error %v", r.In, listed, err)
	}
	if r.In[0].Lost != 1 || len(r.In[0].Media) != 1 || listed[0].Lost+listed[1].Lost != 1 {
		t.Errorf("told was %+v and listed %+v", r.In[0], listed)
	}
	for _, in := range append(listed, r.In...) {
		for _, m := range in.Media {
			got, err := p.FetchMedia(t.Context(), http.DefaultClient, m, 1000)
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(got.Content)
			got.Content.Close()
			if err != nil || string(content) != file.Content || got.Type != file.Type || got.Name != file.Name {
				t.Errorf("the file is %q of type %s called %s, error %v", content, got.Type, got.Name, err)
			}
			if err := p.ForgetMedia(t.Context(), m); err != nil {
				t.Error(err)
			}
		}
	}
	gone := r.In[0].Media[0]
	gone.URL = strings.Replace(gone.URL, conversationstest.ChatService, "IS000000000000000000000000000000ff", 1)
	if _, err := p.FetchMedia(t.Context(), http.DefaultClient, gone, 1000); !errors.Is(err, provider.ErrNoMedia) {
		t.Errorf("a file that is not there: %v", err)
	}
	p.options.APIBase = apiBase
	if media, _ := p.groupMedia(conversationstest.ChatService, []byte(`[{"Sid":"ME00000000000000000000000000000001"}]`)); media[0].URL != "https://mcs.us1.twilio.com/v1/Services/"+conversationstest.ChatService+"/Media/ME00000000000000000000000000000001" {
		t.Errorf("at Twilio it is %s", media[0].URL)
	}
}

func TestConversationThatIsThereIsUsed(t *testing.T) {
	p, s, _ := groupStage(t)
	other := supper
	other.From, other.Group = nurse, []string{juliet, own} // the same people, made from the other side
	if _, err := p.makeConversation(t.Context(), "theirs", other); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Send(t.Context(), supper); err != nil {
		t.Fatal(err)
	}
	if all := s.Conversations(); len(all) != 1 || len(all[0].Messages) != 1 {
		t.Errorf("there are %+v", all)
	}
}

func TestGroupTextInDoubtIsFound(t *testing.T) {
	p, s, _ := groupStage(t)
	if found, err := p.Find(t.Context(), supper, time.Time{}); err != nil || len(found) != 0 {
		t.Errorf("before anything was sent: %v, error %v", found, err)
	}
	s.Lose("POST Messages")
	_, err := p.Send(t.Context(), supper)
	if kind := providertest.KindOf(err); kind != providertest.Unknown {
		t.Fatalf("a call without an answer ends with %v", err)
	}
	found, err := p.Find(t.Context(), supper, time.Time{})
	if err != nil || len(found) != 1 || !strings.HasPrefix(string(found[0].ID), "CH") {
		t.Errorf("found is %+v, error %v", found, err)
	}
	anew := supper
	anew.Ref = "1.2.1"
	if found, err := p.Find(t.Context(), anew, time.Time{}); err != nil || len(found) != 0 {
		t.Errorf("another text with the same words is found: %+v, error %v", found, err)
	}
}

func TestFailureBeforeAGroupTextIsSentIsTriedAgain(t *testing.T) {
	for _, call := range []string{"POST ConversationWithParticipants", "GET Webhooks", "POST Webhooks"} {
		p, s, _ := groupStage(t)
		s.Fail(call, 503)
		_, err := p.Send(t.Context(), supper)
		if _, ok := errors.AsType[*provider.Retry](err); !ok {
			t.Errorf("%s: %v", call, err)
		}
		if _, err := p.Send(t.Context(), supper); err != nil {
			t.Errorf("%s, tried again: %v", call, err)
		}
		if all := s.Conversations(); len(all) != 1 || len(all[0].Hooks) != 1 || len(all[0].Messages) != 1 {
			t.Errorf("%s: there are %+v", call, all)
		}
	}
}

func TestOnlyLongCodesOfPlusOneAreCarriedInGroups(t *testing.T) {
	p, _, _ := groupStage(t)
	nine := []string{}
	for i := range 9 {
		nine = append(nine, "+1555123456"+string(rune('0'+i)))
	}
	for _, tt := range []struct {
		name string
		from string
		to   []string
		want bool
	}{
		{"two", own, []string{juliet, nurse}, true},
		{"nine others", own, nine, true},
		{"ten others", own, append(slices.Clone(nine), nurse), false},
		{"from toll-free", "+18005551234", []string{juliet, nurse}, false},
		{"to toll-free", own, []string{juliet, "+18885551234"}, false},
		{"to elsewhere", own, []string{juliet, "+491711234567"}, false},
	} {
		if got := p.CarriesGroup(tt.from, tt.to); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	p.options.Group = groupFanout
	if p.CarriesGroup(own, []string{juliet, nurse}) {
		t.Error("groups are carried although they are to be copies")
	}
}
