// ci-guard is the twin of plugins/ci-guard: which sessions of CI share what they made, and which take nothing from others. Its README has the
// rules and the settings.
package main

import (
	"fmt"
	"slices"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/admission"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/serving"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/settings"
)

// What it wishes to know; `cachewit plugin wrap` makes a manifest of that.

//go:wasmexport cachewit:wish/fact:branch
func wishBranch() {}

//go:wasmexport cachewit:wish/fact:ci-event
func wishEvent() {}

// Settings are what the operator may set.
type Settings struct {
	// Branches whose jobs share.
	Branches []BranchPattern `json:"branches"`
	// Events whose jobs share.
	Events []Event `json:"events"`
	// OnCIOnly is whether what does not run on CI shares nothing. Otherwise its branch alone decides: it has no event.
	OnCIOnly bool `json:"on-ci-only"`
	// Kinds that are shared; all unless it is set.
	Kinds *[]policy.Kind `json:"kinds"`
	// MaxSize is of the largest group that is shared.
	MaxSize *settings.Size `json:"max-size"`
	// DistrustRemoteOn are events whose jobs take nothing from a remote store.
	DistrustRemoteOn []Event `json:"distrust-remote-on"`
}

func defaults() Settings {
	return Settings{Branches: []BranchPattern{"main", "master"}, Events: []Event{"push", "schedule"}, OnCIOnly: true, DistrustRemoteOn: []Event{"tag"}}
}

// Guard is the policy.
type Guard struct {
	settings Settings
	// Facts of a session do not change, and a question comes with every hit.
	job *job
}

func (g *Guard) configure(given policy.Settings) error {
	*g = Guard{settings: defaults()}
	return settings.Decode(given, &g.settings)
}

func (g *Guard) of(session policy.Session) *job {
	if g.job == nil {
		g.job = jobOf(&g.settings, session)
	}
	return g.job
}

// Whether the group fits the rules about groups.
func (g *Guard) fits(group policy.Group) bool {
	kind := group.Kind()
	if g.settings.Kinds != nil && !slices.Contains(*g.settings.Kinds, kind) {
		policy.Log(policy.Debug, fmt.Sprintf("a group of kind %s not shared: kinds does not have it", kind))
		return false
	}
	if size := group.Size(); g.settings.MaxSize != nil && size > uint64(*g.settings.MaxSize) {
		policy.Log(policy.Debug, fmt.Sprintf("a group of kind %s not shared: its %d bytes are over max-size", kind, size))
		return false
	}
	return true
}

func (g *Guard) admit(group policy.Group, session policy.Session) admission.Admit {
	if g.of(session).shares && g.fits(group) {
		return admission.Share
	}
	return admission.DoNotShare
}

func (g *Guard) serve(group policy.Group, session policy.Session) serving.Serve {
	if !g.of(session).distrusts {
		return serving.Abstain
	}
	switch group.Origin() {
	case policy.Local, policy.Native:
		return serving.AbstainFromOrigin
	}
	// What cannot be told may have come from anywhere.
	return serving.Refuse
}

var guard Guard

func init() {
	policy.Register(policy.Policy{Name: "ci-guard", Version: "0.1.0", Configure: guard.configure})
	admission.Register(guard.admit)
	serving.Register(guard.serve)
}

func main() {}
