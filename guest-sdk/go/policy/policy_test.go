package policy

import (
	"errors"
	"strings"
	"testing"
)

func TestASettingIsFoundByItsName(t *testing.T) {
	settings := SettingsOf(`{"most": 3, "deep": {"on": true, "name": "x"}, "list": [1], "none": null}`)
	for name, want := range map[string]string{"most": "3", "deep.on": "true", "deep.name": "x"} {
		if text, ok := settings.Get(name); !ok || text != want {
			t.Errorf("%s is %q, %v", name, text, ok)
		}
	}
	for _, name := range []string{"deep", "list", "none", "moon", "most.deep", ""} {
		if text, ok := settings.Get(name); ok {
			t.Errorf("%s is %q", name, text)
		}
	}
}

func TestASizeIsReadAsPeopleWriteIt(t *testing.T) {
	for text, want := range map[string]uint64{"0": 0, "100": 100, "64MiB": 64 << 20, "1 GB": 1e9, "3kb": 3000, " 7B ": 7, "1.5 GiB": 3 << 29, "0.0000019 MB": 1} {
		if size, ok := SizeOf(text); !ok || size != want {
			t.Errorf("%q is %d, %v", text, size, ok)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "+1", "1.-5GB", ".5GB", "1.5.5", "1XB", "1 GB 2", "20000000TiB", "18446744073709551616", "18446744073709551615.5kB"} {
		if size, ok := SizeOf(text); ok {
			t.Errorf("%q is %d", text, size)
		}
	}
}

func TestWhatASettingIsRefusedForIsToldWithItsKey(t *testing.T) {
	defer func(before Policy) { registered = before }(registered)
	registered = Policy{Name: "x"}
	if configure(SettingsOf("{}")) != nil || configure(SettingsOf(`{"a": 1}`)) == nil {
		t.Error("a policy without settings takes none")
	}
	registered.Configure = func(Settings) error { return &ConfigError{Key: "a", Message: "is wrong"} }
	if err := configure(SettingsOf("{}")); err == nil || err.Error() != "setting `a`: is wrong" {
		t.Error(err)
	}
	registered.Configure = func(Settings) error { return errors.New("is wrong") }
	if err := configure(SettingsOf("{}")); err == nil || err.Key != "" || err.Error() != "is wrong" {
		t.Error(err)
	}
}

func TestADigestIsWrittenAsHex(t *testing.T) {
	if text := (Digest{1, 0, 0xffffffffffffffff, 0xab}).String(); text != "0000000000000001"+strings.Repeat("0", 16)+strings.Repeat("f", 16)+"00000000000000ab" {
		t.Error(text)
	}
}

func TestAKindThatIsNotNamedIsUnknown(t *testing.T) {
	if Kind(99).String() != "unknown" || OtherKind.String() != "other" {
		t.Error(Kind(99), OtherKind)
	}
}

func TestPatternsMatchWhatTheyMatchInGoList(t *testing.T) {
	for _, one := range []struct {
		pattern Pattern
		yes, no []string
	}{
		{"net", []string{"net"}, []string{"net/http", "internet", ""}},
		{"net/...", []string{"net", "net/http", "net/http/httptest"}, []string{"network", "internet", "x/net"}},
		{"net...", []string{"net", "net/http", "network"}, []string{"internet"}},
		{"...", []string{"", "a", "a/b"}, nil},
		{".../internal", []string{"a/internal", "/internal"}, []string{"internal", "a/internal/b"}},
		{".../internal/...", []string{"a/internal", "a/internal/b"}, []string{"internal", "a/internals"}},
		{"a...b...c", []string{"abc", "a/b/c", "abcbc"}, []string{"acb", "ab", "bc"}},
		{"a...a", []string{"aa", "aba"}, []string{"a"}},
		{"x/.../y/...", []string{"x/1/y", "x/1/2/y/z"}, []string{"x/y", "x/1/yy"}},
		{"example.com/....git", []string{"example.com/a.git"}, []string{"example.com/agit"}},
	} {
		for _, path := range one.yes {
			if !one.pattern.Matches(path) {
				t.Error(one.pattern, path)
			}
		}
		for _, path := range one.no {
			if one.pattern.Matches(path) {
				t.Error(one.pattern, path)
			}
		}
	}
	for _, text := range []string{"", "std", "./...", "../x", "/abs", "a@v1", "crypto/*", "a b", "."} {
		if err := new(Pattern).UnmarshalText([]byte(text)); err == nil {
			t.Error(text)
		}
	}
}
