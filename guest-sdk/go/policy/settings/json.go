package settings

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A value of JSON. encoding/json would be half of a component.
type value struct {
	// As it is written.
	raw string
	// The first byte of what it is: one of {["0tfn.
	kind byte
	// Of a string what it stands for, otherwise as raw.
	text string
	// Of a list; of a table in the order of its keys.
	items []value
	keys  []string
}

type reader struct {
	text string
	at   int
	deep int
}

// The value that the whole text is; false where it is none. The host has read it before, so nobody has to be told where it is wrong.
func parse(text string) (value, bool) {
	r := &reader{text: text}
	parsed, ok := r.value()
	r.space()
	return parsed, ok && r.at == len(text)
}

func (r *reader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\r\n", r.text[r.at]) >= 0 {
		r.at++
	}
}

func (r *reader) take(what string) bool {
	r.space()
	if !strings.HasPrefix(r.text[r.at:], what) {
		return false
	}
	r.at += len(what)
	return true
}

func (r *reader) value() (parsed value, ok bool) {
	r.space()
	begin := r.at
	// WebAssembly's stack is short.
	if r.deep++; r.deep > 64 {
		return parsed, false
	}
	defer func() {
		r.deep--
		parsed.raw = r.text[begin:r.at]
		if parsed.kind != '"' {
			parsed.text = parsed.raw
		}
	}()
	for _, word := range []string{"true", "false", "null"} {
		if r.take(word) {
			return value{kind: word[0]}, true
		}
	}
	switch {
	case r.take("{"):
		return r.table()
	case r.take("["):
		return r.list()
	case r.take(`"`):
		text, ok := r.string()
		return value{kind: '"', text: text}, ok
	}
	for r.at < len(r.text) && strings.IndexByte("+-.0123456789eE", r.text[r.at]) >= 0 {
		r.at++
	}
	return value{kind: '0'}, r.at > begin
}

func (r *reader) table() (value, bool) {
	table := value{kind: '{'}
	if r.take("}") {
		return table, true
	}
	for {
		if !r.take(`"`) {
			return table, false
		}
		key, ok := r.string()
		if !ok || !r.take(":") {
			return table, false
		}
		item, ok := r.value()
		if !ok {
			return table, false
		}
		table.keys, table.items = append(table.keys, key), append(table.items, item)
		if r.take("}") {
			return table, true
		}
		if !r.take(",") {
			return table, false
		}
	}
}

func (r *reader) list() (value, bool) {
	list := value{kind: '['}
	if r.take("]") {
		return list, true
	}
	for {
		item, ok := r.value()
		if !ok {
			return list, false
		}
		list.items = append(list.items, item)
		if r.take("]") {
			return list, true
		}
		if !r.take(",") {
			return list, false
		}
	}
}

// After the quote that it begins with.
func (r *reader) string() (string, bool) {
	var text []byte
	for r.at < len(r.text) {
		c := r.text[r.at]
		r.at++
		switch {
		case c == '"':
			return string(text), true
		case c < ' ':
			return "", false
		case c != '\\':
			text = append(text, c)
		case r.at == len(r.text):
			return "", false
		default:
			escape := r.text[r.at]
			r.at++
			if escape == 'u' {
				character, ok := r.unit()
				if !ok {
					return "", false
				}
				if utf16.IsSurrogate(character) {
					// The other half follows, or this is no character.
					after := r.at
					low := rune(utf8.RuneError)
					if strings.HasPrefix(r.text[r.at:], `\u`) {
						r.at += 2
						if low, ok = r.unit(); !ok {
							return "", false
						}
					}
					if character = utf16.DecodeRune(character, low); character == utf8.RuneError {
						r.at = after
					}
				}
				text = utf8.AppendRune(text, character)
				continue
			}
			index := strings.IndexByte(`"\/bfnrt`, escape)
			if index < 0 {
				return "", false
			}
			text = append(text, "\"\\/\b\f\n\r\t"[index])
		}
	}
	return "", false
}

// Four hexadecimal digits.
func (r *reader) unit() (rune, bool) {
	var unit rune
	for range 4 {
		if r.at == len(r.text) {
			return 0, false
		}
		digit := strings.IndexByte("0123456789abcdef", r.text[r.at]|0x20)
		if digit < 0 {
			return 0, false
		}
		unit = unit<<4 | rune(digit)
		r.at++
	}
	return unit, true
}
