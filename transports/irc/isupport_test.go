package irc

import "testing"

// What one link is told later holds for it alone, however many share the rest.
func TestLinksShareOnlyWhatAllWereTold(t *testing.T) {
	s := &server{}
	told := func(tokens ...string) *link {
		l := &link{server: s, is: defaultISupport()}
		l.changeISupport(func(is *isupport) { is.update(tokens) })
		l.shareISupport()
		return l
	}
	common := []string{"CASEMAPPING=ascii", "NICKLEN=20", "CLIENTTAGDENY=*,-draft/react", "MSGREFTYPES=msgid,timestamp"}
	one, two, other := told(common...), told(common...), told("NICKLEN=20")
	three := told("NICKLEN=20")
	if one.is != two.is || other.is != three.is || one.is == other.is {
		t.Error("it is not those who were told the same that share it")
	}
	two.changeISupport(func(is *isupport) {
		is.update([]string{"CASEMAPPING=rfc1459", "-CLIENTTAGDENY", "MSGREFTYPES=timestamp", "NICKLEN=9"})
	})
	if is := one.is; is.nickLen != 20 || is.fold("A[") != "a[" || !is.tagDenial.denies("typing") || is.msgRefTypes[0] != "msgid" {
		t.Errorf("one link is told what another was: %+v", is)
	}
	if is := two.is; is.nickLen != 9 || is.fold("A[") != "a{" || is.tagDenial.denies("typing") || is.msgRefTypes[0] != "timestamp" {
		t.Errorf("a link has not what it was told: %+v", is)
	}
}
