package wire

const (
	slabSize  = 64
	keepSlabs = 16
	keepAttrs = 4096
)

// An arena hands out elements and attributes that live until its reset. Their
// addresses do not change meanwhile.
type arena struct {
	slabs [][]Element
	used  int
	attrs []Attr
}

func (a *arena) reset() {
	if len(a.slabs) > keepSlabs {
		clear(a.slabs[keepSlabs:])
		a.slabs = a.slabs[:keepSlabs]
	}
	a.used = 0
	if cap(a.attrs) > keepAttrs {
		a.attrs = nil
	}
	a.attrs = a.attrs[:0]
}

func (a *arena) element() *Element {
	slab := a.used / slabSize
	if slab == len(a.slabs) {
		a.slabs = append(a.slabs, make([]Element, slabSize))
	}
	e := &a.slabs[slab][a.used%slabSize]
	a.used++
	*e = Element{}
	return e
}
