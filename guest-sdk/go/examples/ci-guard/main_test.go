package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/admission"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/fake"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/serving"
)

func guardOf(t *testing.T, json string) *Guard {
	t.Helper()
	made := new(Guard)
	if err := made.configure(policy.SettingsOf(json)); err != nil {
		t.Fatal(err)
	}
	return made
}

func jobFor(event, branch string) fake.Session {
	return fake.Session{"ci": "true", "ci-event": event, "branch": branch}
}

func shared(t *testing.T, json string, session policy.Session) bool {
	t.Helper()
	return guardOf(t, json).admit(fake.Archive("a"), session) == admission.Share
}

func TestUnlessToldOtherwisePushesToMainAndItsNightlyBuildsShare(t *testing.T) {
	for _, job := range [][2]string{{"push", "main"}, {"push", "master"}, {"schedule", "main"}} {
		if !shared(t, "{}", jobFor(job[0], job[1])) {
			t.Error(job)
		}
	}
	for _, job := range [][2]string{{"pull-request", "main"}, {"tag", "main"}, {"manual", "main"}, {"other", "main"}, {"push", "topic"}} {
		if shared(t, "{}", jobFor(job[0], job[1])) {
			t.Error(job)
		}
	}
}

func TestWhatIsNotKnownSharesNothing(t *testing.T) {
	for _, session := range []policy.Session{
		fake.Session{}, fake.Session{"ci": "true", "branch": "main"}, fake.Session{"ci": "true", "ci-event": "push"},
		fake.Session{"ci-event": "push", "branch": "main"}, fake.Session{"ci": "maybe", "ci-event": "push", "branch": "main"},
		fake.Ungranted{"ci": "true"}, fake.Ungranted{"ci": "true", "ci-event": "push"},
	} {
		if shared(t, "{}", session) || shared(t, `{"on-ci-only": false, "branches": ["**"]}`, session) {
			t.Error(session)
		}
	}
}

func TestALaptopSharesOnlyWhereTheOperatorSaysSoAndThenByItsBranch(t *testing.T) {
	laptop := fake.Session{"ci": "false", "branch": "main"}
	if shared(t, "{}", laptop) || !shared(t, `{"on-ci-only": false}`, laptop) {
		t.Error("a laptop on main")
	}
	if shared(t, `{"on-ci-only": false}`, fake.Session{"ci": "false", "branch": "topic"}) || shared(t, `{"on-ci-only": false}`, fake.Session{"ci": "false"}) {
		t.Error("a laptop elsewhere")
	}
}

func TestKindsAndSizesHaveTheirLimits(t *testing.T) {
	for _, limit := range []struct {
		json string
		kind policy.Kind
		size uint64
		want admission.Admit
	}{
		{`{"kinds": ["archive", "source-list"]}`, policy.Archive, 0, admission.Share},
		{`{"kinds": ["archive", "source-list"]}`, policy.TestResult, 0, admission.DoNotShare},
		{`{"kinds": []}`, policy.Archive, 0, admission.DoNotShare},
		{`{"max-size": "1MiB"}`, policy.Archive, 1 << 20, admission.Share},
		{`{"max-size": "1MiB"}`, policy.Archive, 1<<20 + 1, admission.DoNotShare},
	} {
		if answer := guardOf(t, limit.json).admit(fake.Group{OfKind: limit.kind, OfSize: limit.size}, jobFor("push", "main")); answer != limit.want {
			t.Errorf("%+v: %d", limit, answer)
		}
	}
}

func TestABuildOfATagTakesNothingThatCameFromElsewhere(t *testing.T) {
	for _, hit := range []struct {
		json    string
		session policy.Session
		origin  policy.Origin
		want    serving.Serve
	}{
		{"{}", jobFor("tag", "main"), policy.Remote, serving.Refuse},
		{"{}", jobFor("tag", "main"), policy.UnknownOrigin, serving.Refuse},
		{"{}", jobFor("tag", "main"), policy.Local, serving.AbstainFromOrigin},
		{"{}", jobFor("tag", "main"), policy.Native, serving.AbstainFromOrigin},
		{"{}", jobFor("push", "main"), policy.Remote, serving.Abstain},
		{`{"distrust-remote-on": []}`, jobFor("tag", "main"), policy.Remote, serving.Abstain},
		{`{"distrust-remote-on": ["push"]}`, jobFor("push", "main"), policy.Remote, serving.Refuse},
		{"{}", fake.Ungranted{"ci": "true"}, policy.Remote, serving.Refuse},
		{`{"distrust-remote-on": []}`, fake.Ungranted{"ci": "true"}, policy.Remote, serving.Abstain},
		{"{}", fake.Session{"ci": "false"}, policy.Remote, serving.Abstain},
	} {
		if answer := guardOf(t, hit.json).serve(fake.Group{OfOrigin: hit.origin}, hit.session); answer != hit.want {
			t.Errorf("%+v: %d", hit, answer)
		}
	}
}

func TestAnErrorNamesTheKey(t *testing.T) {
	for json, key := range map[string]string{
		`{"branches": ["main", "refs/heads/x"]}`: "branches[1]",
		`{"events": ["pushes"]}`:                 "events[0]",
		`{"distrust-remote-on": ["release"]}`:    "distrust-remote-on[0]",
		`{"kinds": ["archive", "archives"]}`:     "kinds[1]",
		`{"max-size": "much"}`:                   "max-size",
		`{"branch": ["main"]}`:                   "branch",
	} {
		err, ok := new(Guard).configure(policy.SettingsOf(json)).(*policy.ConfigError)
		if !ok || err.Key != key {
			t.Errorf("%s: %v", json, err)
		}
	}
}

func TestOneStarStopsAtASlashAndTwoDoNot(t *testing.T) {
	for _, pattern := range []struct {
		pattern BranchPattern
		yes, no []string
	}{
		{"main", []string{"main"}, []string{"", "mai", "main2", "my/main", "main/x"}},
		{"release/*", []string{"release/1.2", "release/"}, []string{"release", "release/1/x", "a/release/1"}},
		{"release/**", []string{"release/1.2", "release/1/x"}, []string{"release", "releases/1"}},
		{"*", []string{"main", ""}, []string{"a/b"}},
		{"**", []string{"main", "a/b", ""}, nil},
		{"**/stable", []string{"a/stable", "a/b/stable", "/stable"}, []string{"stable", "a/stable/b"}},
		{"a*b*c", []string{"abc", "axbbxc"}, []string{"acb", "ab/c"}},
		{BranchPattern(strings.Repeat("*a", 200) + "b"), nil, []string{strings.Repeat("a", 2000)}},
	} {
		for _, branch := range pattern.yes {
			if !pattern.pattern.Matches(branch) {
				t.Error(pattern.pattern, branch)
			}
		}
		for _, branch := range pattern.no {
			if pattern.pattern.Matches(branch) {
				t.Error(pattern.pattern, branch)
			}
		}
	}
}

func TestWhyASessionSharesNothingIsSaidOnce(t *testing.T) {
	fake.TakeLog()
	guard := guardOf(t, "{}")
	for range 3 {
		guard.admit(fake.Archive("a"), jobFor("pull-request", "main"))
	}
	if said := fake.TakeLog(); !slices.Equal(said, []fake.Line{{Level: policy.Info, Text: "this session shares nothing: events does not have pull-request"}}) {
		t.Error(said)
	}
}
