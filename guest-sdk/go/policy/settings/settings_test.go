package settings_test

import (
	"testing"
	"time"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/settings"
)

type all struct {
	Patterns []string       `json:"patterns"`
	Limit    uint64         `json:"limit"`
	Kinds    *[]policy.Kind `json:"kinds"`
	Inner    struct {
		Share float64           `json:"share"`
		Most  *settings.Size    `json:"most"`
		After settings.Duration `json:"after"`
	} `json:"inner"`
}

func TestWhatIsNotSetHasItsDefault(t *testing.T) {
	read := all{Patterns: []string{"./..."}, Limit: 7}
	if err := settings.Decode(policy.SettingsOf(`{"inner": {"most": "2MiB", "share": 0.5}, "kinds": ["archive"]}`), &read); err != nil {
		t.Fatal(err)
	}
	if len(read.Patterns) != 1 || read.Limit != 7 || *read.Inner.Most != 2<<20 || read.Inner.Share != 0.5 || (*read.Kinds)[0] != policy.Archive {
		t.Errorf("%+v", read)
	}
}

func TestADurationIsANumberOfMillisecondsOrATextAsGoReadsIt(t *testing.T) {
	for json, want := range map[string]time.Duration{`250`: 250 * time.Millisecond, `"1h30m"`: 90 * time.Minute, `"0s"`: 0} {
		var read all
		if err := settings.Decode(policy.SettingsOf(`{"inner": {"after": `+json+`}}`), &read); err != nil || time.Duration(read.Inner.After) != want {
			t.Error(json, read.Inner.After, err)
		}
	}
}

func TestAnErrorNamesTheKeyAndSaysWhatWouldBeRight(t *testing.T) {
	for _, wrong := range []struct{ json, key, message string }{
		{`{"limit": "many"}`, "limit", `expected a whole number that is not negative, found "many"`},
		{`{"limit": -1}`, "limit", "expected a whole number that is not negative, found -1"},
		{`{"patterns": ["a", 1]}`, "patterns[1]", "expected a string, found 1"},
		{`{"patterns": true}`, "patterns", "expected a list, found true"},
		{`{"limits": 3}`, "limits", "there is no such setting; there is `patterns`, `limit`, `kinds`, `inner`"},
		{`{"inner": {"mood": 1}}`, "inner.mood", "there is no such setting; there is `share`, `most`, `after`"},
		{`{"inner": 1}`, "inner", "expected a table, found 1"},
		{`{"inner": {"most": "much"}}`, "inner.most", "`much` is no size; write it as 64MiB, 1.5GB or 100"},
		{`{"inner": {"most": "99999999TiB"}}`, "inner.most", "`99999999TiB` is no size; write it as 64MiB, 1.5GB or 100"},
		{`{"inner": {"after": "soon"}}`, "inner.after", "`soon` is no duration; write a number of milliseconds, or it as 250ms or 1h30m"},
		{`{"kinds": ["archive", "archives"]}`, "kinds[1]", "there is no `archives`; there is `archive`, `module-index`, `source-list`, " +
			"`vet-facts`, `test-log`, `test-result`, `executable`, `other`"},
	} {
		err, ok := settings.Decode(policy.SettingsOf(wrong.json), new(all)).(*policy.ConfigError)
		if !ok || err.Key != wrong.key || err.Message != wrong.message {
			t.Errorf("%s: %+v", wrong.json, err)
		}
	}
}
