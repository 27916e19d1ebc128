// Package settings reads a policy's settings into a struct.
package settings

import (
	"encoding"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
)

// Decode reads the settings into the struct that into points to. Its fields are named by their json tags, and are booleans, numbers, strings, what
// reads itself from a text (encoding.TextUnmarshaler), structs of such, lists of such, and pointers to such, which are nil where nothing is set.
// What is not set stays as it was, so defaults are put there before. A key that the struct does not have is an error, and every error names
// the key at fault.
func Decode(settings policy.Settings, into any) error {
	pointer := reflect.ValueOf(into)
	if pointer.Kind() != reflect.Pointer || pointer.Elem().Kind() != reflect.Struct {
		panic("settings.Decode reads into a pointer to a struct")
	}
	given, ok := parse(settings.JSON())
	if !ok {
		return &policy.ConfigError{Message: "the settings are no JSON"}
	}
	// A nil of another type is no nil error.
	if err := table("", given, pointer.Elem()); err != nil {
		return err
	}
	return nil
}

func expected(path, what string, given value) *policy.ConfigError {
	return &policy.ConfigError{Key: path, Message: "expected " + what + ", found " + given.raw}
}

func table(path string, given value, into reflect.Value) *policy.ConfigError {
	if given.kind != '{' {
		return expected(path, "a table", given)
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
	for number, name := range given.keys {
		within := name
		if path != "" {
			within = path + "." + name
		}
		field, ok := known[name]
		if !ok {
			return &policy.ConfigError{Key: within, Message: "there is no such setting; there is " + strings.Join(names, ", ")}
		}
		if err := entry(within, given.items[number], field); err != nil {
			return err
		}
	}
	return nil
}

func entry(path string, given value, into reflect.Value) *policy.ConfigError {
	if given.kind == 'n' {
		return nil
	}
	if into.Kind() == reflect.Pointer {
		set := reflect.New(into.Type().Elem())
		if err := entry(path, given, set.Elem()); err != nil {
			return err
		}
		into.Set(set)
		return nil
	}
	if reads, ok := into.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if given.kind != '"' && given.kind != '0' {
			return expected(path, "a string", given)
		}
		return own(path, reads.UnmarshalText([]byte(given.text)))
	}
	switch into.Kind() {
	case reflect.Struct:
		return table(path, given, into)
	case reflect.Slice:
		return list(path, given, into)
	case reflect.String:
		if given.kind != '"' {
			return expected(path, "a string", given)
		}
		into.SetString(given.text)
	case reflect.Bool:
		if given.kind != 't' && given.kind != 'f' {
			return expected(path, "true or false", given)
		}
		into.SetBool(given.kind == 't')
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		number, err := strconv.ParseUint(given.raw, 10, into.Type().Bits())
		if err != nil {
			return expected(path, "a whole number that is not negative", given)
		}
		into.SetUint(number)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		number, err := strconv.ParseInt(given.raw, 10, into.Type().Bits())
		if err != nil {
			return expected(path, "a whole number", given)
		}
		into.SetInt(number)
	case reflect.Float32, reflect.Float64:
		number, err := strconv.ParseFloat(given.raw, into.Type().Bits())
		if err != nil || given.kind != '0' {
			return expected(path, "a number", given)
		}
		into.SetFloat(number)
	default:
		panic("settings.Decode cannot read " + path + " into a " + into.Type().String())
	}
	return nil
}

func list(path string, given value, into reflect.Value) *policy.ConfigError {
	if given.kind != '[' {
		return expected(path, "a list", given)
	}
	items := reflect.MakeSlice(into.Type(), len(given.items), len(given.items))
	for number, item := range given.items {
		if err := entry(path+"["+strconv.Itoa(number)+"]", item, items.Index(number)); err != nil {
			return err
		}
	}
	into.Set(items)
	return nil
}

// What a type of the author's says of a text.
func own(path string, err error) *policy.ConfigError {
	if err == nil {
		return nil
	}
	if config := new(policy.ConfigError); errors.As(err, &config) {
		return &policy.ConfigError{Key: path, Message: config.Message}
	}
	return &policy.ConfigError{Key: path, Message: err.Error()}
}

// Duration is a length of time: a number of milliseconds, or what time.ParseDuration reads.
type Duration time.Duration

// UnmarshalText reads one.
func (d *Duration) UnmarshalText(text []byte) error {
	if milliseconds, err := strconv.ParseUint(string(text), 10, 32); err == nil {
		*d = Duration(time.Duration(milliseconds) * time.Millisecond)
		return nil
	}
	duration, err := time.ParseDuration(string(text))
	if err != nil || duration < 0 {
		return &policy.ConfigError{Message: "`" + string(text) + "` is no duration; write a number of milliseconds, or it as 250ms or 1h30m"}
	}
	*d = Duration(duration)
	return nil
}

// Size is a number of bytes: as a number, or as policy.SizeOf reads it.
type Size uint64

// UnmarshalText reads one.
func (s *Size) UnmarshalText(text []byte) error {
	size, ok := policy.SizeOf(string(text))
	if !ok {
		return &policy.ConfigError{Message: "`" + string(text) + "` is no size; write it as 64MiB, 1.5GB or 100"}
	}
	*s = Size(size)
	return nil
}
