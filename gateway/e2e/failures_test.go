package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

// smsFailures are Twilio's codes for texts that fail for good, and the stanza
// error of each (RFC 6120 §8.3.3).
var smsFailures = map[int]string{
	20003: "auth not-authorized",
	20404: "cancel item-not-found",
	21211: "modify jid-malformed",
	21212: "auth registration-required",
	21265: "cancel not-allowed",
	21266: "modify not-acceptable",
	21268: "cancel not-allowed",
	21408: "auth forbidden",
	21602: "modify bad-request",
	21603: "auth registration-required",
	21605: "modify not-acceptable",
	21606: "auth registration-required",
	21608: "auth subscription-required",
	21610: "modify policy-violation",
	21612: "cancel remote-server-not-found",
	21614: "cancel service-unavailable",
	21617: "modify not-acceptable",
	21619: "modify bad-request",
	21620: "modify not-acceptable",
	21623: "modify not-acceptable",
	21635: "cancel service-unavailable",
	21658: "modify not-acceptable",
	21659: "auth registration-required",
	21660: "auth registration-required",
	21661: "auth registration-required",
	21703: "cancel internal-server-error",
	21999: "modify not-acceptable", // one that nobody knows yet

	30002: "auth forbidden",
	30003: "wait recipient-unavailable",
	30004: "auth forbidden",
	30005: "cancel item-not-found",
	30006: "cancel service-unavailable",
	30007: "modify policy-violation",
	30008: "wait undefined-condition",
	30018: "auth registration-required",
	30019: "modify not-acceptable",
	30024: "auth registration-required",
	30032: "auth registration-required",
	30033: "auth registration-required",
	30034: "auth registration-required",
	30036: "wait remote-server-timeout",
	30039: "wait policy-violation",
	30040: "auth registration-required",
	30450: "modify policy-violation",
	30999: "wait recipient-unavailable",
}

// A text that fails comes back as an error, on its own id, that tells what to
// do next.
func TestEachFailedTextComesBackWithItsCondition(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	codes := slices.Sorted(maps.Keys(smsFailures))
	var numbers []string
	for _, code := range codes {
		numbers = append(numbers, fmt.Sprintf("%q = %d", fmt.Sprintf("+155512%d", code), code))
	}
	w.start(w.sms("[component.sms.simulator]\ndelivery_delay = \"0s\"\nfail = { " + strings.Join(numbers, ", ") + " }\n"))
	romeo := w.logIn("romeo", "orchard")
	for _, code := range codes {
		romeo.says(fmt.Sprintf("+155512%d@%s", code, smsHost), "chat", fmt.Sprintf("t%d", code), "hello", wantsReceipt)
	}
	for _, code := range codes {
		failed := romeo.gets(message, typed("error"), id(fmt.Sprintf("t%d", code)), from(fmt.Sprintf("+155512%d@%s", code, smsHost)))
		if got := failed.Find("error").Attr("type") + " " + failed.Condition(); got != smsFailures[code] {
			t.Errorf("%d comes back as %s, want %s", code, got, smsFailures[code])
		}
		if text := failed.Find("error", "text"); text == nil || text.Text == "" {
			t.Errorf("%d comes back without a word: %s", code, failed)
		}
		if detail := failed.Find("error", "network-error"); detail == nil || detail.Attr("code") != fmt.Sprint(code) {
			t.Errorf("%d comes back without its code: %s", code, failed)
		}
	}
	if receipts := romeo.Unread(has("received")); len(receipts) > 0 {
		t.Errorf("a text that failed has a receipt: %s", receipts[0])
	}
}
