package gateway

import (
	"encoding/json"
	"strings"

	"gatehouse/component/stanza"
	"gatehouse/gateway/store"
)

// retractsIn gives the name of the message that what the archive has beside a
// text takes back, or "".
func retractsIn(text string) string {
	if !strings.Contains(text, `"Retracts":`) {
		return ""
	}
	var b beside
	if json.Unmarshal([]byte(text), &b) != nil || b.Retracts == nil {
		return ""
	}
	return b.Retracts.ID
}

// tombstoneOf gives what stands in the archive for a message that was taken back
// (XEP-0424 §5, XEP-0425 §5): by its author, or where the room says so by
// anybody.
func tombstoneOf(m store.Archived) (stanza.Tombstone, bool) {
	for _, r := range m.Retractions {
		var b beside
		if json.Unmarshal([]byte(r.Beside), &b) != nil || b.Retracts == nil || m.Retracts != "" {
			continue
		}
		isAuthor := r.Sent == m.Sent
		if m.Nick != "" {
			isAuthor = b.Retracts.By != "" || r.Occupant == m.Occupant && (m.Occupant != "" || r.Nick == m.Nick)
		}
		if isAuthor {
			return stanza.Tombstone{ID: r.StanzaID, At: r.At, By: b.Retracts.By, Reason: b.Retracts.Reason}, true
		}
	}
	return stanza.Tombstone{}, false
}

// buryCorrections has what is true of a message be true of its corrections, and
// the other way, as far as they are on the same page: they are one message to
// people (XEP-0308 §4), which is taken back by any of its names.
func buryCorrections(page []store.Archived) {
	originals := make([]string, len(page)) // what all its versions share
	for i, m := range page {
		var b beside
		if originals[i] = m.StanzaID; strings.Contains(m.Beside, `"Replaces":`) && json.Unmarshal([]byte(m.Beside), &b) == nil && b.Replaces != "" {
			originals[i] = b.Replaces
		}
	}
	for i, m := range page {
		if _, is := tombstoneOf(m); !is {
			continue
		}
		for j := range page {
			v := &page[j]
			isAuthor := v.Sent == m.Sent && v.Occupant == m.Occupant && (m.Occupant != "" || v.Nick == m.Nick)
			if i != j && originals[i] != "" && originals[j] == originals[i] && v.Chat == m.Chat && isAuthor && len(v.Retractions) == 0 {
				v.Retractions = m.Retractions
			}
		}
	}
}

// buried leaves of a message that was taken back that there was one.
func buried(m store.Archived) (store.Archived, []payload) {
	tombstone, is := tombstoneOf(m)
	if !is {
		return m, readBeside(m.Beside)
	}
	m.Text, m.File, m.Beside = "", "", ""
	return m, []payload{tombstone}
}

// isTombstone says that nothing is left of a message that could be shown.
func (m said) isTombstone() bool {
	for _, p := range m.extras {
		if _, is := p.(stanza.Tombstone); is {
			return true
		}
	}
	return false
}

// bury takes a message out of what clients that come later are shown.
func (h *history) bury(name string) {
	for i, m := range h.said {
		if m.stanzaID == name {
			h.said = append(h.said[:i:i], h.said[i+1:]...)
			return
		}
	}
}
