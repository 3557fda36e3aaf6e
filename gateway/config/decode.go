package config

import (
	"encoding"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"gatehouse/gateway/transport"
)

// A decoder moves parsed TOML into structs. Unlike toml.Decode it goes on after
// a problem, takes names only as they are spelled in the tags, and keeps the
// defaults that are in the struct, also in the entries of a map.
type decoder struct {
	drivers  []transport.Driver
	found    []located
	literals []path // secrets that stand in the file itself
	options  []path // of each component, where its options stand
}

type located struct {
	path
	text string
}

func (d *decoder) problem(p path, format string, args ...any) {
	d.found = append(d.found, located{p, fmt.Sprintf(format, args...)})
}

// hasProblem tells whether anything at or below p could not be decoded.
func (d *decoder) hasProblem(p path) bool {
	return slices.ContainsFunc(d.found, func(l located) bool { return l.within(p) })
}

// Defaults is implemented by what stands in maps and lists and does not start
// from the zero value.
type Defaults interface{ SetDefaults() }

// value decodes raw into v, which is addressable.
func (d *decoder) value(p path, raw any, v reflect.Value) {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(p, raw, v.Elem())
		return
	}
	switch target := v.Addr().Interface().(type) {
	case *Component:
		d.component(p, raw, v)
		return
	case *slog.Level:
		text, ok := raw.(string)
		if !slices.Contains([]string{"debug", "info", "warn", "error"}, text) || target.UnmarshalText([]byte(text)) != nil {
			got := show(raw)
			if ok {
				got = strconv.Quote(text)
			}
			d.problem(p, `must be "debug", "info", "warn" or "error", not %s`, got)
		}
		return
	case *time.Duration:
		d.duration(p, raw, target)
		return
	case toml.Unmarshaler:
		if _, ok := target.(*transport.Secret); ok {
			if _, literal := raw.(string); literal {
				d.literals = append(d.literals, p)
			}
		}
		if err := target.UnmarshalTOML(raw); err != nil {
			d.problem(p, "%s", err)
		}
		return
	case encoding.TextUnmarshaler:
		if date, ok := target.(*time.Time); ok {
			if *date, ok = raw.(time.Time); !ok {
				d.problem(p, "must be a date, as in 2024-05-01T12:00:00Z, not %s", show(raw))
			}
		} else if text, ok := raw.(string); !ok {
			d.problem(p, "must be a string, not %s", kind(raw))
		} else if err := target.UnmarshalText([]byte(text)); err != nil {
			d.problem(p, "%s", err)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if table, ok := d.table(p, raw); ok {
			d.fields(p, table, fieldsOf(v))
		}
	case reflect.Map:
		d.mapping(p, raw, v)
	case reflect.Slice:
		d.list(p, raw, v)
	default:
		d.scalar(p, raw, v)
	}
}

func (d *decoder) table(p path, raw any) (map[string]any, bool) {
	table, ok := raw.(map[string]any)
	if !ok {
		d.problem(p, "must be a table, [%s], not %s", p.key, kind(raw))
	}
	return table, ok
}

// fields decodes each key into the field of that name.
func (d *decoder) fields(p path, table map[string]any, fields map[string]reflect.Value) {
	for name, raw := range table {
		if field, ok := fields[name]; ok {
			d.value(p.child(name), raw, field)
		} else {
			d.unknown(p.child(name), name, keys(fields))
		}
	}
}

func (d *decoder) unknown(p path, name string, known []string) {
	text := "unknown key " + p.key
	if meant := nearest(name, known); meant != "" {
		text += " (did you mean " + meant + "?)"
	} else {
		text += " (there are: " + strings.Join(known, ", ") + ")"
	}
	p.key = ""
	d.problem(p, "%s", text)
}

func (d *decoder) mapping(p path, raw any, v reflect.Value) {
	table, ok := d.table(p, raw)
	if !ok {
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for name, raw := range table {
		entry := newElement(v.Type().Elem())
		name := reflect.ValueOf(name).Convert(v.Type().Key())
		if old := v.MapIndex(name); old.IsValid() {
			entry.Set(old)
		}
		d.value(p.child(name.String()), raw, entry)
		v.SetMapIndex(name, entry)
	}
}

func (d *decoder) list(p path, raw any, v reflect.Value) {
	list := reflect.ValueOf(raw)
	if list.Kind() != reflect.Slice {
		switch {
		case kind(raw) == "a table":
			d.problem(p, "must be a list: write [[%s]] with two brackets", p.key)
		default:
			d.problem(p, "must be a list in brackets, not %s", kind(raw))
		}
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, list.Len()))
	for i := range list.Len() {
		element := newElement(v.Type().Elem())
		d.value(p.index(i), list.Index(i).Interface(), element)
		v.Set(reflect.Append(v, element))
	}
}

func newElement(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	target := v.Addr().Interface()
	if t.Kind() == reflect.Pointer {
		v.Set(reflect.New(t.Elem()))
		target = v.Interface()
	}
	if e, ok := target.(Defaults); ok {
		e.SetDefaults()
	}
	return v
}

// duration takes a string with a unit only: a bare number would be nanoseconds.
func (d *decoder) duration(p path, raw any, target *time.Duration) {
	text, ok := raw.(string)
	if !ok {
		d.problem(p, `must be a duration with its unit, as in "30s" or "1h30m", not %s`, show(raw))
		return
	}
	t, err := time.ParseDuration(text)
	if err != nil {
		d.problem(p, `must be a duration with its unit, as in "30s" or "1h30m", not %q`, text)
		return
	}
	*target = t
}

func (d *decoder) scalar(p path, raw any, v reflect.Value) {
	want := ""
	switch raw := raw.(type) {
	case string:
		if v.Kind() == reflect.String {
			v.SetString(raw)
			return
		}
	case bool:
		if v.Kind() == reflect.Bool {
			v.SetBool(raw)
			return
		}
	case float64:
		if v.CanFloat() {
			v.SetFloat(raw)
			return
		}
	case int64:
		switch {
		case v.CanFloat():
			v.SetFloat(float64(raw))
			return
		case v.CanInt() && !v.OverflowInt(raw):
			v.SetInt(raw)
			return
		case v.CanUint() && raw >= 0 && !v.OverflowUint(uint64(raw)):
			v.SetUint(uint64(raw))
			return
		case v.CanInt(), v.CanUint():
			d.problem(p, "the number %d is out of range", raw)
			return
		}
	}
	switch {
	case v.Kind() == reflect.String:
		want = "a string"
	case v.Kind() == reflect.Bool:
		want = "true or false"
	case v.CanFloat():
		want = "a number"
	case v.CanInt(), v.CanUint():
		want = "a whole number"
	default:
		want = "something else (" + v.Type().String() + " can't be set from a file)"
	}
	d.problem(p, "must be %s, not %s", want, show(raw))
}

// kind names the type of a parsed value.
func kind(raw any) string {
	switch raw.(type) {
	case string:
		return "a string"
	case int64, float64:
		return "a number"
	case bool:
		return "true or false"
	case time.Time:
		return "a date"
	case map[string]any:
		return "a table"
	}
	return "a list"
}

// show gives what people have written, if it is short. Strings are only named:
// a secret may stand in the wrong place.
func show(raw any) string {
	switch raw := raw.(type) {
	case int64, float64, bool:
		return fmt.Sprint(raw)
	default:
		return kind(raw)
	}
}

// fieldsOf gives the fields of a struct by the names that they have in a file.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			for name, inner := range fieldsOf(v.Field(i)) {
				fields[name] = inner
			}
		case !f.IsExported():
		case name == "":
			fields[strings.ToLower(f.Name)] = v.Field(i)
		default:
			fields[name] = v.Field(i)
		}
	}
	return fields
}

func keys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
