package gateway

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// Bounds on what one answer may hold; it may be kept for long.
const (
	maxFieldValues = 100
	maxLongValues  = 10_000 // of a whole file, which is not kept
	maxValueBytes  = 4096
)

// fieldTypes gives each type its name (XEP-0004 §3.3).
var fieldTypes = [...]string{
	transport.Text: stanza.TextSingleField, transport.Texts: stanza.TextMultiField,
	transport.Hidden: stanza.TextPrivateField, transport.Bool: stanza.BooleanField,
	transport.Choice: stanza.ListSingleField, transport.Choices: stanza.ListMultiField,
	transport.Note: stanza.FixedField,
}

// dataForm shows a form to be filled in. A password is never in it.
func dataForm(f transport.Form) *stanza.Form {
	out := &stanza.Form{Type: "form", Title: f.Title, Instructions: f.Instructions}
	for _, field := range f.Fields {
		shown := stanza.Field{
			Var: field.Name, Type: fieldTypes[field.Type], Label: field.Label,
			Description: field.Help, Required: field.Required, Values: field.Values,
		}
		switch field.Type {
		case transport.Hidden:
			switch {
			case isSet(field) && field.Required:
				shown.Description = strings.TrimSpace(field.Help + " " + keepsNeeded)
				shown.Required = false // or clients would not let it be empty
			case isSet(field):
				shown.Description = strings.TrimSpace(field.Help + " " + keepsSecret)
			}
			shown.Values = nil
		case transport.Note:
			shown.Label, shown.Values = "", []string{field.Label}
		}
		for _, o := range field.Options {
			shown.Options = append(shown.Options, stanza.Option(o))
		}
		out.Fields = append(out.Fields, shown)
	}
	return out
}

const (
	keepsNeeded = "One is set: leave this empty to keep it."
	keepsSecret = "One is set: leave this empty to keep it, write - to remove it."
)

// isSet says that a field holds something.
func isSet(f transport.Field) bool {
	return slices.ContainsFunc(f.Values, func(v string) bool { return v != "" })
}

// answersOf reads what was filled into a form. What the form does not ask is
// left out. A list or text that did not come back was emptied: many clients
// leave such fields out; unless the answers are to a part of the form only.
func answersOf(f transport.Form, submitted *stanza.Form, partly bool) (transport.Values, error) {
	answers := transport.Values{}
	if submitted == nil {
		submitted = &stanza.Form{}
	}
	for _, field := range f.Fields {
		i := slices.IndexFunc(submitted.Fields, func(s stanza.Field) bool { return s.Var == field.Name })
		if field.Type == transport.Note {
			continue
		}
		if i < 0 {
			if !partly && (field.Type == transport.Text || field.Type == transport.Texts || field.Type == transport.Choices) {
				answers[field.Name] = nil
			}
			continue
		}
		values, err := fieldAnswer(field, submitted.Fields[i].Values)
		if err != nil {
			return nil, err
		}
		answers[field.Name] = values
	}
	return answers, nil
}

// fieldAnswer tidies the values of one field.
func fieldAnswer(f transport.Field, given []string) (values []string, err error) {
	for _, v := range given {
		switch f.Type {
		case transport.Texts:
			for line := range strings.Lines(v) {
				if line = strings.TrimRight(line, "\r\n"); line != "" {
					values = append(values, line)
				}
			}
			continue
		case transport.Bool:
			v = plainBool(v)
		case transport.Text, transport.Choice:
			v = strings.TrimSpace(v)
		}
		values = append(values, v)
	}
	if f.Long && len(values) <= maxLongValues {
		return values, nil // a stanza is not longer than servers let it be
	}
	if len(values) > maxFieldValues || slices.ContainsFunc(values, func(v string) bool { return len(v) > maxValueBytes }) {
		return nil, fmt.Errorf("%s: up to %d values of %d bytes fit", f.Name, maxFieldValues, maxValueBytes)
	}
	if (f.Type == transport.Text || f.Type == transport.Choice) && len(values) > 0 && values[0] == "" {
		values = nil
	}
	return values, nil
}

// plainBool gives the one spelling of a truth value (XEP-0004 §3.3), and
// understands what people write in a chat.
func plainBool(v string) string {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "1", "true", "yes", "on":
		return "true"
	case "0", "false", "no", "off":
		return "false"
	}
	return v
}

// missing gives the required fields that have no answer.
func missing(f transport.Form, answers transport.Values) (names []string) {
	for _, field := range f.Fields {
		if field.Required && answers.Get(field.Name) == "" {
			names = append(names, field.Name)
		}
	}
	return names
}
