package gateway

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/gateway/transport"
)

// chatValues takes the values of a field as people write them.
func chatValues(f transport.Field, text string) []string {
	switch f.Type {
	case transport.Choices:
		var values []string
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
			values = append(values, optionValue(f, word))
		}
		return values
	case transport.Choice:
		return []string{optionValue(f, text)}
	}
	return []string{text}
}

// optionValue also takes an option's label.
func optionValue(f transport.Field, text string) string {
	for _, o := range f.Options {
		if strings.EqualFold(o.Value, text) || strings.EqualFold(o.Label, text) {
			return o.Value
		}
	}
	return text
}

const chatHow = "\nWrite the command again, with NAME=VALUE for each."

// asksAgain says that a form asks for nothing that the forms before it did not:
// the same answers would not do now.
func asksAgain(now stage, asked []transport.Field) bool {
	any := false
	for _, f := range now.form.Fields {
		if f.Type == transport.Note {
			continue
		}
		if !slices.ContainsFunc(asked, func(before transport.Field) bool { return before.Name == f.Name }) {
			return false
		}
		any = true
	}
	return any
}

// chatAnswers fills in a form from "name=value" words. Words of no field answer
// those that have to be filled in, one word each and the rest for the last. If
// nothing is for this form, or something is missing, text says so.
func chatAnswers(now stage, written string, asked []transport.Field) (answers transport.Values, text string) {
	f := *now.form
	given, plain := chatFields(f, written, func(name string) bool {
		return now.more || slices.ContainsFunc(asked, func(f transport.Field) bool { return f.Name == name })
	})
	if len(asked) > 0 {
		plain = "" // it was for the first
	}
	answers = transport.Values{}
	unnamed := 0
	for _, field := range f.Fields {
		if field.Type != transport.Note && field.Type != transport.Hidden {
			answers[field.Name] = field.Values
		}
		if _, named := given[field.Name]; field.Required && !named {
			unnamed++
		}
	}
	for _, field := range f.Fields {
		value, ok := given[field.Name]
		if !ok && field.Required && plain != "" {
			if unnamed--; unnamed > 0 {
				value, plain = cutWord(plain)
			} else {
				value, plain = plain, ""
			}
			ok = true
		}
		if !ok {
			continue
		}
		values, err := fieldAnswer(field, chatValues(field, value))
		if err != nil {
			return nil, err.Error()
		}
		answers[field.Name] = values
		given[field.Name] = value
	}
	if len(given) == 0 && !(now.fast && unnamed == 0) {
		return nil, formText(f) + chatHow
	}
	if names := missing(f, answers); len(names) > 0 {
		return nil, "Missing: " + strings.Join(names, ", ") + "\n" + formText(f) + chatHow
	}
	return answers, ""
}

// chatFields splits what was written into the fields of a form and the rest. A
// value goes on until the next field, which may be one of another form.
func chatFields(f transport.Form, written string, isOther func(name string) bool) (given map[string]string, plain string) {
	given = map[string]string{}
	into := func(text string) { plain = strings.TrimSpace(plain + " " + text) }
	for _, word := range strings.Split(written, " ") {
		name, value, ok := strings.Cut(word, "=")
		switch {
		case ok && fieldOf(f, name) >= 0:
			into = func(text string) { given[name] = strings.TrimSpace(given[name] + " " + text) }
			into(value)
		case ok && isOther(name):
			into = func(string) {}
		default:
			into(word)
		}
	}
	return given, plain
}

// formText shows a form as text. A password is never in it.
func formText(f transport.Form) string {
	var lines []string
	for _, head := range []string{f.Title, f.Instructions} {
		if head != "" {
			lines = append(lines, head)
		}
	}
	for _, field := range f.Fields {
		if field.Type == transport.Note {
			lines = append(lines, field.Label)
			continue
		}
		value := strings.Join(field.Values, ", ")
		switch {
		case field.Type == transport.Hidden && isSet(field):
			value = "(set, and not shown)"
		case value == "":
			value = "(empty)"
		}
		line := fmt.Sprintf("• %s: %s – %s", field.Name, value, field.Label)
		if len(field.Options) > 0 {
			var options []string
			for _, o := range field.Options {
				options = append(options, o.Value)
			}
			line += " (" + strings.Join(options, ", ") + ")"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
