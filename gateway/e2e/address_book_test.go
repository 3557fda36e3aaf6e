package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/gateway/e2e/servers"
)

const card = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:%[1]s\r\nFN:%[2]s\r\nN:Capulet;;;;\r\nNOTE:She speaks\r\nTEL;TYPE=CELL:%[3]s\r\nEND:VCARD\r\n"

// named waits until a contact has a name in the roster.
func (p *person) named(contact, name string) {
	p.t.Helper()
	check(p.t, eventually(limited(p.t), func() error {
		if item := p.rosterItem(contact); item == nil || item.Attr("name") != name {
			return fmt.Errorf("%s is %v in the roster, want %q", contact, item, name)
		}
		return nil
	}))
}

// Romeo's address books come into his roster: one on a CardDAV server, one that
// he pastes, one that the operator has put there. Names that he gives in his
// roster go back to the server.
func TestAddressBooksComeIntoTheRoster(t *testing.T) {
	servers.Need(t, "privilege", "radicale")
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{Components: granted})
	radicale, err := servers.StartRadicale(limited(t), filepath.Join(w.dir, "radicale"))
	check(t, err)
	t.Cleanup(func() { radicale.Close() })
	_, err = radicale.Do(limited(t), "PUT", "friends/j.vcf", fmt.Sprintf(card, "j", "Juliet Capulet", "(500) 555-0177"))
	check(t, err)
	books := filepath.Join(w.dir, "books")
	check(t, os.MkdirAll(books, 0o700))
	check(t, os.WriteFile(filepath.Join(books, "romeo@localhost.vcf"), []byte(fmt.Sprintf(card, "p", "The Prince", "+15005550199")), 0o600))
	component := strings.Replace(w.phonesAt(grantedHost), "[component.sms]", fmt.Sprintf("address_books = %q\n[component.sms]", books), 1)
	w.start("[fetch]\nallow_private = [\"127.0.0.0/8\"]\n", component)

	romeo := w.logIn("romeo", "orchard")
	romeo.rosterItem("")
	says := func(text string) { romeo.says(grantedHost, "chat", "", text, "") }
	told := func(text string) {
		t.Helper()
		s := romeo.gets(message, from(grantedHost))
		if !strings.Contains(s.Body(), text) {
			t.Fatalf("it says %q, want %q", s.Body(), text)
		}
	}
	juliet := stranger + "@" + grantedHost
	says("address-book url=" + radicale.URL + " user=romeo password=wrong rename=true")
	told("is read now")
	told("can't be read")
	says("address-book url=" + radicale.URL + " user=romeo password=" + radicale.Password + " rename=true")
	told("is read now")
	told("has 1 contact here")
	romeo.named(juliet, "Juliet Capulet")
	romeo.named("+15005550199@"+grantedHost, "The Prince")

	says("import-contacts vcard=" + strings.ReplaceAll(fmt.Sprintf(card, "n", "Nurse", another), "\r\n", "\n"))
	told("1 contact taken over")
	romeo.named(another+"@"+grantedHost, "Nurse")

	// The server has another name for her: so has the roster.
	_, err = radicale.Do(limited(t), "PUT", "friends/j.vcf", fmt.Sprintf(card, "j", "Jule", "(500) 555-0177"))
	check(t, err)
	again := "address-book url=" + radicale.URL + " user=romeo rename=true"
	says(again)
	told("is read now")
	told("has 1 contact here")
	romeo.named(juliet, "Jule")

	// Romeo gives her one of his own: it stays, and goes to the server.
	romeo.asks("", "set", `<query xmlns="jabber:iq:roster"><item jid="`+juliet+`" name="Fair sun"><group>Love</group></item></query>`)
	says(again)
	told("is read now")
	told("has 1 contact here")
	now, err := radicale.Do(context.WithoutCancel(limited(t)), "GET", "friends/j.vcf", "")
	check(t, err)
	if !strings.Contains(now, "FN:Fair sun") || !strings.Contains(now, "NOTE:She speaks") || !strings.Contains(now, "0177") {
		t.Errorf("the card is %q", now)
	}
	item := romeo.rosterItem(juliet)
	if item == nil || item.Attr("name") != "Fair sun" || item.Find("group") == nil {
		t.Errorf("the roster has %v", item)
	}

	// And he finds them all by a search.
	found := romeo.asks(grantedHost, "set", `<query xmlns="jabber:iq:search"><nick>r</nick></query>`)
	if n := len(found.Find("query").FindAll("item")); n != 3 {
		t.Errorf("%d people are found: %s", n, found)
	}
	vcard := romeo.asks(juliet, "get", `<vCard xmlns="vcard-temp"/>`)
	if fn := vcard.Find("vCard", "FN"); fn == nil || fn.Text != "Fair sun" || !strings.Contains(vcard.String(), stranger) {
		t.Errorf("her vCard is %s", vcard)
	}
}
