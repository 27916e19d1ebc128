// Asks everything that a policy can ask, and says what it was told.
package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/admission"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/eviction"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/observer"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/remote"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/serving"
)

//go:wasmexport cachewit:wish/fact:branch
func wishBranch() {}

//go:wasmexport cachewit:wish/env:TEAM
func wish() {}

var settings policy.Settings

func init() {
	policy.Register(policy.Policy{Name: "everything", Version: "1.2.3", StateVersion: 7, Configure: func(given policy.Settings) error {
		settings = given
		return nil
	}})
	admission.Register(admit)
	serving.Register(serve)
	eviction.Register(eviction.Policy{Begin: begin, Score: score, End: end})
	remote.Register(remote.Policy{Open: open, Route: route, Close: closed})
	observer.Register(observe)
}

func say(format string, values ...any) { policy.Log(policy.Info, fmt.Sprintf(format, values...)) }

func admit(group policy.Group, session policy.Session) admission.Admit {
	cost, known := group.Cost()
	say("%v %d %d %d %v %v %d %v", group.Kind(), group.Size(), group.OwnSize(), group.Members(), cost, known, group.Origin(), group.Age())
	say("%v %v", group.Fact("import-path"), group.Fact("toolchain"))
	say("%v %v %v", session.Fact("branch"), session.Fact("env:TEAM"), session.Fact("moon"))
	say("%v %v", group.Action(), group.Output())
	return admission.Keep | admission.DoNotShare
}

// What is not WebAssembly's own: the settings, what is remembered and counted, and what stands for an operating system.
func serve(policy.Group, policy.Session) serving.Serve {
	for _, name := range []string{"text", "deep.number", "on", "list", "moon"} {
		value, ok := settings.Get(name)
		say("%s %q %v", name, value, ok)
	}
	say("%s", settings.JSON())
	before := string(policy.Load())
	say("%q %v %v %q", before, policy.Save(make([]byte, policy.MostBytes+1)), policy.Save([]byte("remembered")), policy.Load())
	policy.Count("asked", 2)
	policy.Count("asked", 3)

	_, err := os.ReadFile("/etc/passwd")
	say("%d arguments, HOME is %q, a file is there: %v", len(os.Args), os.Getenv("HOME"), err == nil)
	began := time.Now()
	time.Sleep(time.Hour)
	say("this century: %v, slept: %v", began.Year() >= 2026, time.Since(began).Round(time.Minute))
	random := make([]byte, 8)
	rand.Read(random)
	say("%x", random)
	fmt.Println("printed")
	fmt.Fprintln(os.Stderr, "complained")
	return serving.Refuse
}

func begin(rows eviction.Rows) {
	say("%d %d %d %d", rows.Reason(), rows.Used(), rows.Wanted(), rows.Len())
}

func score(rows eviction.Rows, first, count uint32) []float64 {
	say("%v %v %v %v", rows.Keys(first, count), rows.Sizes(first, count), rows.IdleRuns(first, count), rows.Ranks(first, count))
	say("%v %v %v %v", rows.IdleSeconds(first, count), rows.Ages(first, count), rows.Uses(first, count), rows.Costs(first, count))
	say("%v %v %v", rows.Kinds(first, count), rows.Streams(first, count), rows.Members(first, count))
	say("%v %v %v %v", rows.Held(first, count), rows.Marks(first, count), rows.Tags(first, count), rows.Keys(first, 0))
	scores := make([]float64, count)
	for row := range scores {
		scores[row] = -float64(row) / 2
	}
	// What the host was told the address of must be there when it reads, whatever the collector does.
	defer runtime.GC()
	return scores
}

func end(rows eviction.Rows) {
	tags := rows.Tags(0, rows.Len())
	for row := range tags {
		tags[row] |= 1 << 63
	}
	rows.SetTags(0, tags)
}

func network(network remote.Network) {
	for _, target := range network.Targets() {
		say("%+v", target)
	}
	for _, set := range network.Sets() {
		say("%+v", set)
	}
}

func open(net remote.Network, _ policy.Session, plan remote.Plan) remote.Decision {
	network(net)
	plan.Load(1)
	plan.Load(0)
	return remote.Decided
}

func route(request remote.Request, net remote.Network, _ policy.Session, plan remote.Plan) remote.Decision {
	cost, known := request.Cost()
	say("%b %v %v %v %v", request.Named(), cost, known, request.Waited(), request.Action())
	plan.Ask(1, 20*time.Millisecond)
	plan.Ask(0, 0)
	plan.Ask(0, time.Nanosecond)
	return remote.Decided
}

func closed(net remote.Network, _ policy.Session, plan remote.Plan) remote.Decision {
	plan.Publish(0, "main")
	plan.Share(1)
	return remote.Decided
}

func observe(events observer.Events, _ policy.Session, first, count uint32) {
	for _, event := range events.Run(first, count) {
		say("%+v", event)
	}
	say("%d", events.Len())
}

func main() {}
