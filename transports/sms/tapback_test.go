package sms

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/gateway/transport"
)

func TestTapbacks(t *testing.T) {
	for _, row := range []struct {
		name, text  string
		add, remove string
		quoted      string
	}{
		{"liked", "Liked “See you at nine”", "👍", "", "See you at nine"},
		{"loved", "Loved “O”", "❤️", "", "O"},
		{"questioned over GSM 7-bit", `Questioned "See you at nine"`, "❓", "", "See you at nine"},
		{"another emoji", "Reacted 🐢 to “See you”", "🐢", "", "See you"},
		{"Google Messages", "\u200a\u200b👍\u200b to “\u200aSee you\u200a”\u200a\u200a", "👍", "", "See you"},
		{"taken back", "Removed a heart from “See you”", "", "❤️", "See you"},
		{"another one taken back", "Removed 🐢 from “See you”", "", "🐢", "See you"},
		{"quotation of a quotation", "Liked “She said “no” to me”", "👍", "", "She said “no” to me"},
		{"a sentence", "Liked what you wrote", "", "", ""},
		{"a name and a letter", "Reacted Romeo to “it”", "", "", ""},
		{"a recipient", "Cheers to “Juliet”", "", "", ""},
		{"more behind it", "Liked “See you” and then not", "", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			m := transport.Message{Chat: phone, Text: row.text}
			want := transport.Event(transport.MessageReceived{Message: m})
			if row.quoted != "" {
				r := transport.Reaction{Chat: phone, Quoted: row.quoted, Instead: m}
				if row.add != "" {
					r.Add = []string{row.add}
				} else {
					r.Remove = []string{row.remove}
				}
				want = transport.MessageReacted{Reaction: r}
			}
			if d := cmp.Diff(want, eventOf(m)); d != "" {
				t.Error(d)
			}
		})
	}
}
