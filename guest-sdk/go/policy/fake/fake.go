// Package fake is what a policy may ask, made of plain values: for tests, which need no WebAssembly.
package fake

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/eviction"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/native"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/observer"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/remote"
)

// Line is one of the log.
type Line struct {
	Level policy.Level
	Text  string
}

// TakeLog is what was logged since it was called last.
func TakeLog() []Line {
	var lines []Line
	for _, line := range native.Lines {
		lines = append(lines, Line{policy.Level(line.Level), line.Text})
	}
	native.Lines = nil
	return lines
}

// TakeCounters is what was counted since it was called last.
func TakeCounters() map[string]uint64 {
	counters := native.Counters
	native.Counters = nil
	return counters
}

// Remember makes policy.Load answer this, as if an earlier session had saved it.
func Remember(bytes []byte) { native.Memory = slices.Clone(bytes) }

// Session is facts by their keys; what is not there is absent.
type Session map[string]string

// Fact is policy.Session's.
func (s Session) Fact(key string) policy.Fact {
	if text, ok := s[key]; ok {
		return policy.FactOf(text)
	}
	return policy.Fact{State: policy.Absent}
}

// Ungranted is a session that was granted nothing: every fact is unknown but those that it has.
type Ungranted map[string]string

// Fact is policy.Session's.
func (s Ungranted) Fact(key string) policy.Fact {
	if text, ok := s[key]; ok {
		return policy.FactOf(text)
	}
	return policy.Fact{}
}

// Group is a group; each field is the answer of the method that it is named after.
type Group struct {
	OfKind    policy.Kind
	OfSize    uint64
	OfOwnSize uint64
	OfMembers uint32
	OfCost    time.Duration // 0: never observed
	OfOrigin  policy.Origin
	OfAge     time.Duration
	OfTrust   policy.Trust
	OfFacts   map[string]policy.Fact
	OfAction  policy.Digest
	OfOutput  policy.Digest
}

// Archive is that of the package with this import path.
func Archive(importPath string) Group {
	return Group{
		OfKind: policy.Archive, OfMembers: 1, OfOrigin: policy.Local, OfTrust: policy.LocalTrust,
		OfFacts: map[string]policy.Fact{"import-path": policy.FactOf(importPath)},
	}
}

// The methods of policy.Group.

func (g Group) Kind() policy.Kind           { return g.OfKind }
func (g Group) Size() uint64                { return g.OfSize }
func (g Group) OwnSize() uint64             { return g.OfOwnSize }
func (g Group) Members() uint32             { return g.OfMembers }
func (g Group) Cost() (time.Duration, bool) { return g.OfCost, g.OfCost > 0 }
func (g Group) Origin() policy.Origin       { return g.OfOrigin }
func (g Group) Age() time.Duration          { return g.OfAge }
func (g Group) Trust() policy.Trust         { return g.OfTrust }
func (g Group) Action() policy.Digest       { return g.OfAction }
func (g Group) Output() policy.Digest       { return g.OfOutput }

// Fact is absent where the group does not have it.
func (g Group) Fact(key string) policy.Fact {
	if fact, ok := g.OfFacts[key]; ok {
		return fact
	}
	return policy.Fact{State: policy.Absent}
}

// Row is one of a trim; each field is a column of eviction.Rows.
type Row struct {
	Key, Size, Cost, Tag                   uint64
	IdleRuns, Rank, IdleSeconds, Age, Uses uint32
	Kind, Stream, Members, Held, Marks     uint32
}

// Trim is one over these rows.
type Trim struct {
	Rows   []Row
	ToFree uint64
}

// Order is the numbers of the rows in the order in which they would go. It panics where the host would take its fallback: another number of
// scores than rows, or a NaN.
func (t *Trim) Order(decides eviction.Policy) []int {
	if decides.Begin != nil {
		decides.Begin(t)
	}
	scores := decides.Score(t, 0, t.Len())
	if decides.End != nil {
		decides.End(t)
	}
	if len(scores) != len(t.Rows) {
		panic("there is not a score for each row: " + strconv.Itoa(len(scores)))
	}
	order := make([]int, len(scores))
	for row := range order {
		if scores[row] != scores[row] {
			panic("the score of row " + strconv.Itoa(row) + " is NaN")
		}
		order[row] = row
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	return order
}

func column[T any](t *Trim, first, count uint32, of func(Row) T) []T {
	cells := make([]T, 0, count)
	for _, row := range t.Rows[first : first+count] {
		cells = append(cells, of(row))
	}
	return cells
}

// The methods of eviction.Rows.

func (t *Trim) Reason() uint32 { return eviction.MaxSize }
func (t *Trim) Wanted() uint64 { return t.ToFree }
func (t *Trim) Len() uint32    { return uint32(len(t.Rows)) }
func (t *Trim) Used() uint64 {
	var used uint64
	for _, row := range t.Rows {
		used += row.Size
	}
	return used
}
func (t *Trim) Keys(first, count uint32) []uint64 {
	return column(t, first, count, func(row Row) uint64 { return row.Key })
}
func (t *Trim) Sizes(first, count uint32) []uint64 {
	return column(t, first, count, func(row Row) uint64 { return row.Size })
}
func (t *Trim) IdleRuns(first, count uint32) []uint32 {
	return column(t, first, count, func(row Row) uint32 { return row.IdleRuns })
}
func (t *Trim) Ranks(first, count uint32) []uint32 {
	return column(t, first, count, func(row Row) uint32 { return row.Rank })
}
func (t *Trim) IdleSeconds(first, count uint32) []uint32 {
	return column(t, first, count, func(row Row) uint32 { return row.IdleSeconds })
}
func (t *Trim) Ages(first, count uint32) []uint32 {
	return column(t, first, count, func(row Row) uint32 { return row.Age })
}
func (t *Trim) Uses(first, count uint32) []uint32 {
	return column(t, first, count, func(row Row) uint32 { return row.Uses })
}
func (t *Trim) Costs(first, count uint32) []uint64 {
	return column(t, first, count, func(row Row) uint64 { return row.Cost })
}
func (t *Trim) Kinds(first, count uint32) []uint32 {
	return column(t, first, count, func(row Row) uint32 { return row.Kind })
}
func (t *Trim) Streams(first, count uint32) []uint32 {
	return column(t, first, count, func(row Row) uint32 { return row.Stream })
}
func (t *Trim) Members(first, count uint32) []uint32 {
	return column(t, first, count, func(row Row) uint32 { return row.Members })
}
func (t *Trim) Held(first, count uint32) []uint32 {
	return column(t, first, count, func(row Row) uint32 { return row.Held })
}
func (t *Trim) Marks(first, count uint32) []uint32 {
	return column(t, first, count, func(row Row) uint32 { return row.Marks })
}
func (t *Trim) Tags(first, count uint32) []uint64 {
	return column(t, first, count, func(row Row) uint64 { return row.Tag })
}
func (t *Trim) SetTags(first uint32, tags []uint64) {
	for row, tag := range tags {
		t.Rows[int(first)+row].Tag = tag
	}
}

// Network is targets, sets and a miss, and the plan that a policy makes for it.
type Network struct {
	OfTargets []remote.Target
	OfSets    []remote.Set
	OfNamed   uint32
	OfCost    time.Duration // 0: not known
	OfWaited  time.Duration
	OfAction  policy.Digest
	// Steps are what the plan was told: "ask 0", "ask 1 20ms", "load 2", "publish 0 main", "share 0".
	Steps []string
}

// The methods of remote.Network, remote.Request and remote.Plan.

func (n *Network) Targets() []remote.Target    { return n.OfTargets }
func (n *Network) Sets() []remote.Set          { return n.OfSets }
func (n *Network) Named() uint32               { return n.OfNamed }
func (n *Network) Cost() (time.Duration, bool) { return n.OfCost, n.OfCost > 0 }
func (n *Network) Waited() time.Duration       { return n.OfWaited }
func (n *Network) Action() policy.Digest       { return n.OfAction }

func (n *Network) step(what string, number uint32, more string) {
	n.Steps = append(n.Steps, what+" "+strconv.FormatUint(uint64(number), 10)+more)
}

func (n *Network) Load(set uint32)                    { n.step("load", set, "") }
func (n *Network) Publish(target uint32, name string) { n.step("publish", target, " "+name) }
func (n *Network) Share(target uint32)                { n.step("share", target, "") }
func (n *Network) Ask(target uint32, wait time.Duration) {
	if wait == 0 {
		n.step("ask", target, "")
	} else {
		n.step("ask", target, " "+wait.String())
	}
}

// Events are what happened.
type Events []observer.Event

// The methods of observer.Events.

func (e Events) Len() uint32                              { return uint32(len(e)) }
func (e Events) Run(first, count uint32) []observer.Event { return e[first : first+count] }
