package settings

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// As encoding/json has it.
func (v value) any(t *testing.T) any {
	switch v.kind {
	case '{':
		table := map[string]any{}
		for number, key := range v.keys {
			table[key] = v.items[number].any(t)
		}
		return table
	case '[':
		list := []any{}
		for _, item := range v.items {
			list = append(list, item.any(t))
		}
		return list
	case '"':
		return v.text
	}
	var scalar any
	if err := json.Unmarshal([]byte(v.raw), &scalar); err != nil {
		t.Error(v.raw, err)
	}
	return scalar
}

func TestWhatIsReadIsWhatEncodingJSONReads(t *testing.T) {
	for _, text := range []string{
		`{}`, ` { "a" : [ ] , "b" : {"c":[1,-2.5e3,true,false,null]} } `, `"plain"`, `"é\u00e9\ud83d\ude00 \ud83d x \" \\ \/ \b\f\n\r\t"`, `0`,
		`{"a":"]}","b":"\\"}`, "[\n\t1\r\n]", `"\ud83dA"`, `"\ud83d\u0041"`, `"\ud83d\ud83d\ude00"`, `"\ude00"`,
	} {
		var want any
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(text, err)
		}
		parsed, ok := parse(text)
		if !ok || !reflect.DeepEqual(parsed.any(t), want) {
			t.Errorf("%s: %+v", text, parsed)
		}
	}
}

func TestWhatIsNoJSONIsNone(t *testing.T) {
	for _, text := range []string{
		"", "{", "[1", `{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `"`, `"\`, `"\x"`, `"\u12"`, `"\u12g4"`, "\"\n\"", "{} x", "[1 2]", "nul",
		strings.Repeat("[", 100_000),
	} {
		if parsed, ok := parse(text); ok {
			t.Errorf("%q: %+v", text, parsed)
		}
	}
}
