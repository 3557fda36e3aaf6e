package wire

// declare brings a prefix into scope.
func (r *Reader) declare(o *openElement, prefix, space string) error {
	for _, b := range r.scope[o.scope:] {
		if b.prefix == prefix {
			return malformed("prefix %.40q declared twice", prefix)
		}
	}
	// Namespaces in XML 1.0 §3. The namespace "xml" is ours, see Attr.
	switch {
	case prefix == "xml" && space == nsXML:
		return nil
	case prefix == "xml" || prefix == "xmlns" || space == "" || reserved(space):
		return malformed("prefix %.40q must not be declared like this", prefix)
	}
	if len(r.scope)-r.rootScope >= r.limits.Attrs {
		return errLimit
	}
	r.scope = append(r.scope, binding{prefix, space})
	return nil
}

func (r *Reader) declareDefault(o *openElement, from, to int) error {
	if o.declared {
		return malformed("namespace declared twice")
	}
	space := r.intern(from, to)
	if reserved(space) {
		return malformed("reserved namespace declared")
	}
	o.space, o.declared = space, true
	return nil
}

func reserved(space string) bool {
	return space == nsXML || space == nsXMLNS || space == "xml"
}

// resolve replaces the prefixes of an element and its attributes by namespaces.
func (r *Reader) resolve(o *openElement, from, colon, to int) error {
	e := o.e
	if colon < 0 {
		e.Space, e.Name = o.space, r.intern(from, to)
	} else {
		space, ok := r.lookup(r.view(from, colon))
		if !ok {
			return malformed("prefix %.40q is not declared", r.view(from, colon))
		}
		e.Space, e.Name = space, r.intern(colon+1, to)
	}
	e.unbound = e.Space == ""
	for i := range e.Attrs {
		a := &e.Attrs[i]
		if a.Space != "" && a.Space != "xml" {
			space, ok := r.lookup(a.Space)
			if !ok {
				return malformed("prefix %.40q is not declared", a.Space)
			}
			a.Space = space
		}
		for k := range e.Attrs[:i] {
			if b := &e.Attrs[k]; b.Name == a.Name && b.Space == a.Space {
				return malformed("attribute %.40q stands twice", a.Name)
			}
		}
	}
	return nil
}

// lookup gives the namespace of a prefix.
func (r *Reader) lookup(prefix string) (string, bool) {
	for i := len(r.scope) - 1; i >= 0; i-- {
		if r.scope[i].prefix == prefix {
			return r.scope[i].space, true
		}
	}
	if prefix == "xml" {
		return nsXML, true
	}
	return "", false
}
