package gateway_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "gatehouse/component/componenttest"
)

// bookStory is one where the operator keeps a file of romeo's contacts.
func bookStory(t *testing.T, tell func(t *testing.T, w *world, write func(cards string))) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := prepareWorld(t)
		w.store = newMemory()
		w.books = t.TempDir()
		write := func(cards string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(w.books, romeo+".vcf"), []byte(cards), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("")
		w.start()
		tell(t, w, write)
	})
}

func person(name, number string) string {
	return "BEGIN:VCARD\nVERSION:3.0\nFN:" + name + "\nTEL:" + number + "\nEND:VCARD\n"
}

func (w *world) nameOf(contact string) string {
	w.t.Helper()
	w.asks(orchard, "get", contact, `<vCard xmlns='vcard-temp'/>`)
	return strings.Join(Values(w.Expect(result(contact, orchard)), "{vcard-temp}vCard/FN"), "")
}

func TestFileOfTheOperatorsIsReadAgainEveryHour(t *testing.T) {
	bookStory(t, func(t *testing.T, w *world, write func(string)) {
		write(person("Angelica", nurse) + person("Laurence", friar))
		w.pass(11 * time.Minute)
		w.ExpectNothing() // nobody asks him for a subscription by themselves
		if a, l := w.nameOf(nursePhone), w.nameOf(friarPhone); a != "Angelica" || l != "Laurence" {
			t.Errorf("they are called %q and %q", a, l)
		}
		write("no cards at all")
		w.pass(90 * time.Minute)
		if a := w.nameOf(nursePhone); a != "Angelica" {
			t.Errorf("with a broken file she is called %q", a)
		}
		write(person("Nurse", nurse))
		w.pass(90 * time.Minute)
		if a, l := w.nameOf(nursePhone), w.nameOf(friarPhone); a != "Nurse" || l != friar {
			t.Errorf("they are called %q and %q", a, l)
		}
		w.writesFirst(nurse, "hello")
		w.Expect(bare(nursePhone, "subscribe", Has("{http://jabber.org/protocol/nick}nick", "Nurse")))
		w.Expect(Message(From(nursePhone), Has("{http://jabber.org/protocol/nick}nick", "Nurse")))
		w.ExpectNothing()
	})
}

func TestImportAsksForFewSubscriptionsAndKeepsWhatWasThere(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		var many strings.Builder
		for i := range 30 {
			many.WriteString(person("Page", "+1555111"+string(rune('0'+i/10))+string(rune('0'+i%10))+"00"))
		}
		imports := func(cards, says string) {
			t.Helper()
			w.says(orchard, `<message to='%s' type='chat'><body>import-contacts %s</body></message>`, phones, cards)
			w.Expect(Message(From(phones), Has("body", says)))
		}
		imports("Dear Juliet", "The vCards can't be read: that is no vCard: it begins with BEGIN:VCARD and ends with END:VCARD")
		w.says(orchard, `<message to='%s' type='chat'><body>import-contacts %s</body></message>`, phones, many.String())
		asked, told := 0, 0
		for range 21 {
			switch st := w.Expect(); st.Type {
			case "subscribe":
				asked++
			case "chat":
				told++
			}
		}
		if asked != 20 || told != 1 {
			t.Errorf("%d asked and %d told", asked, told)
		}
		w.ExpectNothing()
		if name := w.nameOf("+15551110100@" + phones); name != "Page" {
			t.Errorf("the page is called %q", name)
		}
	})
}

func TestPasswordOfAnAddressBookStaysWithItsServer(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		password := func(want string) {
			t.Helper()
			value, _, err := w.store.Records(phones).Get(t.Context(), romeo, "address book", "carddav")
			if has := strings.Contains(string(value), "s3cret"); err != nil || has != (want != "") {
				t.Errorf("the store has %s, %v", value, err)
			}
		}
		sets := func(text string) {
			t.Helper()
			w.says(orchard, `<message to='%s' type='chat'><body>address-book %s</body></message>`, phones, text)
			w.settle()
			w.Skip()
		}
		sets("url=https://dav.example.org/ user=romeo password=s3cret")
		password("s3cret")
		w.says(orchard, `<message to='%s' type='chat'><body>address-book</body></message>`, phones)
		if st := w.Expect(Message(From(phones))); strings.Contains(strings.Join(Values(st, "body"), ""), "s3cret") {
			t.Error("the password is shown")
		}
		sets("user=Romeo")
		password("s3cret")
		sets("url=https://evil.example.net/")
		password("")
		w.says(orchard, `<message to='%s' type='chat'><body>address-book url=http://dav.example.org/</body></message>`, phones)
		w.Expect(Message(From(phones), Has("body", "the address of the address book begins with https://")))
		sets("url=")
		if _, found, _ := w.store.Records(phones).Get(t.Context(), romeo, "address book", "carddav"); found {
			t.Error("the address book is still in the store")
		}
	})
}
