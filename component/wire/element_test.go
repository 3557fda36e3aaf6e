package wire

import (
	"slices"
	"testing"
)

func TestElementsAreFound(t *testing.T) {
	e := readOne(t, `<message id='1' xml:lang='en' type=''>a<body>b&amp;c</body>d<body/><body xmlns='u:b'>e<i/>f</body></message>`)
	if got, ok := e.Lookup("id"); got != "1" || !ok {
		t.Errorf("id is %q", got)
	}
	if got, ok := e.Lookup("type"); got != "" || !ok {
		t.Errorf("type is %q, %v", got, ok)
	}
	if _, ok := e.Lookup("lang"); ok || e.Attr("to") != "" || e.Lang() != "en" {
		t.Error("attributes are mixed up")
	}
	if got := e.Child(nsComponent, "body").Content(); got != "b&c" {
		t.Errorf("the first body is %q", got)
	}
	if got := e.Child("u:b", "body").Content(); got != "ef" {
		t.Errorf("the other body is %q", got)
	}
	if got := e.Content(); got != "ad" {
		t.Errorf("the text is %q", got)
	}
	var names []string
	for c := range e.Children() {
		names = append(names, c.Space+" "+c.Name)
	}
	if want := []string{acc + "body", acc + "body", "u:b body"}; !slices.Equal(names, want) {
		t.Errorf("children are %q", names)
	}
	for range e.Children() {
		break
	}
}

func TestWhatIsNotThereIsEmpty(t *testing.T) {
	var none *Element
	if none.Child("", "a") != nil || none.Content() != "" || none.Attr("a") != "" || none.Lang() != "" || none.Clone() != nil {
		t.Error("something is there")
	}
	for range none.Children() {
		t.Error("a child")
	}
	e := New("", "a").AddText("text")
	if e.Child("", "") != nil || e.Child("", "b") != nil {
		t.Error("a text is taken for an element")
	}
}

func TestAttributesAreReplaced(t *testing.T) {
	e := New("", "a").SetAttr("b", "1").SetAttr("xml:b", "2").SetAttr("b", "3")
	if want := []Attr{{"", "b", "3"}, {"xml", "b", "2"}}; !slices.Equal(e.Attrs, want) {
		t.Errorf("attributes are %q", e.Attrs)
	}
}

func TestACloneOutlivesTheReader(t *testing.T) {
	const other = `<presence from='x' to='y' type='unavailable'><status>gone away for a while, be back soon</status></presence>`
	r := NewReader(&endless{header: streamHeader, stanza: typicalMessage + other + other}, DefaultLimits)
	if _, err := r.Open(); err != nil {
		t.Fatal(err)
	}
	e, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := treeOf(e)
	c := e.Clone()
	for range 1000 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	if got := treeOf(c); got != want {
		t.Errorf("the clone became\n%s, it was\n%s", got, want)
	}
	// A clone can be added to, and its attributes do not run into each other.
	c.Add(New("u", "new"))
	c.Child("urn:xmpp:sid:0", "origin-id").SetAttr("by", "me")
	if got := c.Child("urn:xmpp:sid:0", "stanza-id").Attr("by"); got != "romeo@example.org" || c.Child("u", "new") == nil {
		t.Errorf("by is %q", got)
	}
}

func TestACloneCostsThreeAllocations(t *testing.T) {
	e := readOne(t, typicalMessage)
	if n := testing.AllocsPerRun(100, func() { e.Clone() }); n > 3 {
		t.Errorf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		for c := range e.Children() {
			if c.Name == "" {
				t.Error("a text")
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations for the children", n)
	}
}
