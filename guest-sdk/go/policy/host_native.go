//go:build !wasm

package policy

import (
	"encoding/json"
	"strings"

	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/native"
)

func maxLevel() Level { return Debug }

func log(level Level, message string) {
	native.Lines = append(native.Lines, native.Line{Level: uint32(level), Text: message})
}

func count(name string, value uint64) {
	if native.Counters == nil {
		native.Counters = map[string]uint64{}
	}
	native.Counters[name] += value
}

func load() []byte { return native.Memory }

func save(bytes []byte) bool {
	if len(bytes) > MostBytes {
		return false
	}
	native.Memory = append([]byte(nil), bytes...)
	return true
}

// As the host does it: scalars by their names.
func get(settings Settings, name string) (string, bool) {
	decoder := json.NewDecoder(strings.NewReader(settings.json))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return "", false
	}
	for _, key := range strings.Split(name, ".") {
		table, ok := value.(map[string]any)
		if !ok {
			return "", false
		}
		value = table[key]
	}
	switch value := value.(type) {
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	case bool:
		if value {
			return "true", true
		}
		return "false", true
	}
	return "", false
}
