// Package eviction is the role that decides who goes first when the store must shrink. Importing it is having it.
package eviction

import "math"

// UnknownCost is a cost that was never observed.
const UnknownCost = math.MaxUint64

// Reasons of a trim. Others are possible.
const (
	MaxSize uint32 = 1 // the store is over max-size
	MinFree uint32 = 2 // the file system is under min-free
	Asked   uint32 = 3 // somebody asked for it
)

// Rows are the groups that could go in the trim that is going on. A column is asked for a run of rows, first + count at most Len.
type Rows interface {
	// Reason is why it happens.
	Reason() uint32
	// Used is the bytes in the store.
	Used() uint64
	// Wanted is the bytes that must go.
	Wanted() uint64
	// Len is how many rows there are.
	Len() uint32
	// Keys tell a group from all others, from trim to trim: the first eight bytes of its head's action ID.
	Keys(first, count uint32) []uint64
	// Sizes are the bytes of the objects that only this group needs.
	Sizes(first, count uint32) []uint64
	// IdleRuns are the sessions of its stream that ended since one used it: 0 = the last one did.
	IdleRuns(first, count uint32) []uint32
	// Ranks are places in the order of last use, 0 = the longest unused. No two are alike.
	Ranks(first, count uint32) []uint32
	// IdleSeconds are since the last use.
	IdleSeconds(first, count uint32) []uint32
	// Ages are seconds since the last put.
	Ages(first, count uint32) []uint32
	// Uses are in how many sessions it was used.
	Uses(first, count uint32) []uint32
	// Costs are microseconds that go took to make it, or UnknownCost.
	Costs(first, count uint32) []uint64
	// Kinds are codes of policy.Kind.
	Kinds(first, count uint32) []uint32
	// Streams are the ones that used it last; 0 = unknown.
	Streams(first, count uint32) []uint32
	// Members are how many actions each group has.
	Members(first, count uint32) []uint32
	// Held are the remote targets that hold it: bit n = target n.
	Held(first, count uint32) []uint32
	// Marks have bit 0 where a live process was handed one of its objects, so it will not go now.
	Marks(first, count uint32) []uint32
	// Tags are the policy's own word for each group.
	Tags(first, count uint32) []uint64
	// SetTags replaces the words of the rows from first on.
	SetTags(first uint32, tags []uint64)
}

// Run is how many rows are best asked for at once: one call may have the host copy 4 MiB.
const Run = 4096

// Policy decides. Per trim: one Begin, then Score for runs of rows until every row has a score, then End.
type Policy struct {
	// Begin may be nil.
	Begin func(Rows)
	// Score is a score for each of the count rows from first on: the lowest go first. A list of another length, or a NaN, hands the decision
	// to the host's fallback.
	Score func(rows Rows, first, count uint32) []float64
	// End may be nil. It is the place to set tags.
	End func(Rows)
}

var registered Policy

// Register says who decides. It is called once, in init.
func Register(decides Policy) { registered = decides }
