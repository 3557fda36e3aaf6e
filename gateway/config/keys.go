package config

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"gatehouse/gateway/transport"
)

// A Key is one key that a config may have.
type Key struct {
	// Name is the path without places in lists, with "*" for a name that
	// people choose: "component.x.network.*.address".
	Name string
	// Default is the value as fmt prints it, and empty for what stands in a
	// map or list that is empty by default.
	Default string
}

// Keys gives all of them, in alphabetical order, so that documentation can be
// held against the code.
func Keys(drivers []transport.Driver) []Key {
	var all keyList
	c := Default()
	component := DefaultComponent()
	all.fields("", reflect.ValueOf(&c).Elem(), true)
	all.fields("component", reflect.ValueOf(&component).Elem(), true)
	for _, driver := range drivers {
		options := reflect.ValueOf(driver.Options())
		all.walk("component."+driver.Name, options.Elem(), true)
	}
	slices.SortFunc(all, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	return all
}

type keyList []Key

func (l *keyList) fields(name string, v reflect.Value, isDefault bool) {
	for field, value := range fieldsOf(v) {
		if name != "" {
			field = name + "." + field
		}
		l.walk(field, value, isDefault)
	}
}

func (l *keyList) walk(name string, v reflect.Value, isDefault bool) {
	t := v.Type()
	switch {
	case t == reflect.TypeFor[[]Component]():
	case t.Kind() == reflect.Pointer:
		if v.IsNil() {
			v, isDefault = reflect.New(t.Elem()), false
		}
		l.walk(name, v.Elem(), isDefault)
	case isLeaf(reflect.PointerTo(t)):
		l.add(name, v, isDefault)
	case t.Kind() == reflect.Struct:
		l.fields(name, v, isDefault)
	case t.Kind() == reflect.Map && holdsTables(t.Elem()):
		l.walk(name+".*", newElement(t.Elem()), false)
	case t.Kind() == reflect.Slice && holdsTables(t.Elem()):
		l.walk(name, newElement(t.Elem()), false)
	default:
		l.add(name, v, isDefault)
	}
}

func (l *keyList) add(name string, v reflect.Value, isDefault bool) {
	key := Key{Name: name}
	switch value := v.Interface().(type) {
	case transport.Secret: // there is never a default
	case slog.Level:
		key.Default = strings.ToLower(value.String())
	default:
		if isDefault {
			key.Default = fmt.Sprint(value)
		}
	}
	*l = append(*l, key)
}

// isLeaf tells whether the decoder gives a value to the type whole.
func isLeaf(pointer reflect.Type) bool {
	return pointer.Implements(reflect.TypeFor[toml.Unmarshaler]()) ||
		pointer.Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

func holdsTables(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && !isLeaf(reflect.PointerTo(t))
}
