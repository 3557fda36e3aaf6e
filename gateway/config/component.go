package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

// component decodes one [[component]]: its own keys, and the table that bears
// its transport's name.
func (d *decoder) component(p path, raw any, v reflect.Value) {
	c := v.Addr().Interface().(*Component)
	*c = DefaultComponent()
	d.options = append(d.options, p)
	table, ok := d.table(p, raw)
	if !ok {
		return
	}
	fields := fieldsOf(v)
	own := fields
	if driver, ok := d.driver(p, table); ok {
		c.Options = driver.Options()
		options := reflect.ValueOf(c.Options)
		if options.Kind() != reflect.Pointer || options.IsNil() {
			d.problem(p, "transport %s gives no pointer to decode into: %T", driver.Name, c.Options)
			return
		}
		own[driver.Name] = options.Elem()
		d.options[len(d.options)-1] = p.child(driver.Name)
	}
	for name, raw := range table {
		switch _, ok := own[name]; {
		case ok:
			d.value(p.child(name), raw, own[name])
		case c.Options != nil && d.isDriver(name):
			d.problem(p.child(name), "this component has transport = %q: put its options in [component.%[1]s]", table["transport"])
		case c.Options == nil && kind(raw) == "a table":
			// The table of the transport that could not be found.
		default:
			d.unknown(p.child(name), name, keys(own))
		}
	}
}

func (d *decoder) driver(p path, table map[string]any) (transport.Driver, bool) {
	var names []string
	for _, driver := range d.drivers {
		names = append(names, driver.Name)
	}
	slices.Sort(names)
	raw, written := table["transport"]
	name, ok := raw.(string)
	switch {
	case !written:
		d.problem(p.child("transport"), "is missing: write one of %s", strings.Join(names, ", "))
		return transport.Driver{}, false
	case !ok:
		return transport.Driver{}, false // the field's own type says it
	}
	i := slices.IndexFunc(d.drivers, func(driver transport.Driver) bool { return driver.Name == name })
	if i < 0 {
		text := fmt.Sprintf("there is no transport %q: write one of %s", name, strings.Join(names, ", "))
		if meant := nearest(name, names); meant != "" {
			text = fmt.Sprintf("there is no transport %q (did you mean %s?)", name, meant)
		}
		d.problem(p.child("transport"), "%s", text)
		return transport.Driver{}, false
	}
	return d.drivers[i], true
}

func (d *decoder) isDriver(name string) bool {
	return slices.ContainsFunc(d.drivers, func(driver transport.Driver) bool { return driver.Name == name })
}
