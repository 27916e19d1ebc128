package main

import (
	"slices"
	"strings"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
)

// Event is why a job of CI runs, by the name that the host has for it whatever the CI system calls it.
type Event string

var events = []string{"push", "pull-request", "tag", "schedule", "manual", "other"}

// UnmarshalText takes the names that there are.
func (e *Event) UnmarshalText(text []byte) error {
	if !slices.Contains(events, string(text)) {
		return &policy.ConfigError{Message: "there is no `" + string(text) + "`; there is `" + strings.Join(events, "`, `") + "`"}
	}
	*e = Event(text)
	return nil
}

// What the facts of a session decide for all of its groups.
type job struct {
	// It may share.
	shares bool
	// It takes nothing from a remote store.
	distrusts bool
}

// Decides, and says once why nothing is shared.
func jobOf(settings *Settings, session policy.Session) *job {
	why := refusal(settings, session)
	if why != "" {
		policy.Log(policy.Info, "this session shares nothing: "+why)
	}
	decided := &job{shares: why == ""}
	switch event := session.Fact("ci-event"); event.State {
	case policy.Known:
		decided.distrusts = slices.Contains(settings.DistrustRemoteOn, Event(event.Text))
	case policy.Unknown:
		// It may be one of them.
		decided.distrusts = len(settings.DistrustRemoteOn) > 0
	case policy.Absent:
		// No CI system, no event.
	}
	return decided
}

// Why the session shares nothing; empty where it does.
func refusal(settings *Settings, session policy.Session) string {
	switch session.Fact("ci").Text {
	case "true":
		event := session.Fact("ci-event")
		switch {
		case event.State == policy.Unknown:
			return "which event its job runs for was not granted, or not read"
		case event.State == policy.Absent:
			return "its CI system does not say which event the job runs for"
		case !slices.Contains(settings.Events, Event(event.Text)):
			return "events does not have " + event.Text
		}
	case "false":
		if settings.OnCIOnly {
			return "it does not run on CI"
		}
	default:
		return "whether it runs on CI is not known"
	}
	branch := session.Fact("branch")
	switch {
	case branch.State == policy.Unknown:
		return "its branch was not granted, or not read"
	case branch.State == policy.Absent:
		return "it is on no branch"
	case !slices.ContainsFunc(settings.Branches, func(pattern BranchPattern) bool { return pattern.Matches(branch.Text) }):
		return "branches has nothing that matches " + branch.Text
	}
	return ""
}
