// Package settings reads a policy's settings into a struct.
package settings

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
)

// Decode reads the settings into the struct that into points to. Its fields are named by their json tags; what is not set stays as it was, so
// defaults are put there before. A key that the struct does not have is an error, and every error names the key at fault.
func Decode(settings policy.Settings, into any) error {
	value := reflect.ValueOf(into)
	if value.Kind() != reflect.Pointer || value.Elem().Kind() != reflect.Struct {
		panic("settings.Decode reads into a pointer to a struct")
	}
	// A nil of another type is no nil error.
	if err := table("", []byte(settings.JSON()), value.Elem()); err != nil {
		return err
	}
	return nil
}

func table(path string, text []byte, into reflect.Value) *policy.ConfigError {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		return &policy.ConfigError{Key: strings.TrimSuffix(path, "."), Message: "expected a table, found " + string(text)}
	}
	known := map[string]reflect.Value{}
	var names []string
	for number := range into.NumField() {
		name, _, _ := strings.Cut(into.Type().Field(number).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		known[name] = into.Field(number)
		names = append(names, "`"+name+"`")
	}
	for name, text := range given {
		field, ok := known[name]
		if !ok {
			return &policy.ConfigError{Key: path + name, Message: "there is no such setting; there is " + strings.Join(names, ", ")}
		}
		if err := entry(path+name, text, field); err != nil {
			return err
		}
	}
	return nil
}

func entry(path string, text []byte, into reflect.Value) *policy.ConfigError {
	if bytes.Equal(text, []byte("null")) {
		return nil
	}
	if into.Kind() == reflect.Pointer {
		set := reflect.New(into.Type().Elem())
		if err := entry(path, text, set.Elem()); err != nil {
			return err
		}
		into.Set(set)
		return nil
	}
	_, reads := into.Addr().Interface().(encoding.TextUnmarshaler)
	_, parses := into.Addr().Interface().(json.Unmarshaler)
	if into.Kind() == reflect.Struct && !reads && !parses {
		return table(path+".", text, into)
	}
	if into.Kind() == reflect.Slice && !reads && !parses {
		return list(path, text, into)
	}
	err := json.Unmarshal(text, into.Addr().Interface())
	if err == nil {
		return nil
	}
	var own *policy.ConfigError
	if errors.As(err, &own) {
		return &policy.ConfigError{Key: path, Message: own.Message}
	}
	if mismatch := new(json.UnmarshalTypeError); errors.As(err, &mismatch) {
		return &policy.ConfigError{Key: path, Message: "expected " + name(mismatch.Type) + ", found " + string(text)}
	}
	return &policy.ConfigError{Key: path, Message: err.Error()}
}

func list(path string, text []byte, into reflect.Value) *policy.ConfigError {
	var given []json.RawMessage
	if json.Unmarshal(text, &given) != nil {
		return &policy.ConfigError{Key: path, Message: "expected a list, found " + string(text)}
	}
	items := reflect.MakeSlice(into.Type(), len(given), len(given))
	for number, text := range given {
		if err := entry(path+"["+strconv.Itoa(number)+"]", text, items.Index(number)); err != nil {
			return err
		}
	}
	into.Set(items)
	return nil
}

func name(kind reflect.Type) string {
	switch kind.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String, reflect.Struct:
		return "a string"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number that is not negative"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return kind.String()
}

// Duration is a length of time: a number of milliseconds, or what time.ParseDuration reads.
type Duration time.Duration

// UnmarshalJSON reads one.
func (d *Duration) UnmarshalJSON(text []byte) error {
	written := strings.Trim(string(text), `"`)
	if milliseconds, err := strconv.ParseUint(string(text), 10, 32); err == nil {
		*d = Duration(time.Duration(milliseconds) * time.Millisecond)
		return nil
	}
	duration, err := time.ParseDuration(written)
	if err != nil || duration < 0 {
		return &policy.ConfigError{Message: "`" + written + "` is no duration; write a number of milliseconds, or it as 250ms or 1h30m"}
	}
	*d = Duration(duration)
	return nil
}

// Size is a number of bytes: as a number, or as policy.SizeOf reads it.
type Size uint64

// UnmarshalJSON reads one.
func (s *Size) UnmarshalJSON(text []byte) error {
	written := strings.Trim(string(text), `"`)
	size, ok := policy.SizeOf(written)
	if !ok {
		return &policy.ConfigError{Message: "`" + written + "` is no size; write it as 64MiB, 1.5GB or 100"}
	}
	*s = Size(size)
	return nil
}
