// Package observer is the role that learns what happened and decides nothing. Importing it is having it.
package observer

import (
	"math"
	"time"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
)

// What is what happened to a request, or to a group after all of them. Codes that this package does not name are to be skipped.
type What uint32

// What can happen, by the codes of the contract.
const (
	Get What = iota + 1
	Put
	Evicted
	Shared
)

// Level is where a get was answered from. Codes that this package does not name are possible.
type Level uint32

// Levels, by the codes of the contract.
const (
	Miss Level = iota // and everything that is no get
	Local
	Remote
	Native  // Go's own cache directory
	Refused // a serving policy refused it
)

// Event is something that happened.
type Event struct {
	What  What
	Level Level
	// Size is the bytes of the object or group; 0 for a miss.
	Size uint64
	// Time is from the beginning of the session to the request.
	Time time.Duration
	// Duration is until the answer was ready.
	Duration time.Duration
	// Kind is what the object or group is; a get does not tell.
	Kind policy.Kind
	// Cost is, of a put, how long go took to make it, where CostKnown.
	Cost      time.Duration
	CostKnown bool
}

// Events are what happened in the session: gets and puts in the order of their answers, then what was evicted and shared.
type Events interface {
	// Len is how many there are, all batches together.
	Len() uint32
	// Run is the count events from first on.
	Run(first, count uint32) []Event
}

// Func is asked behind go's back when everything else was decided, in batches that come in order; every event is in exactly one of them.
type Func func(events Events, session policy.Session, first, count uint32)

var registered Func

// Register says who learns it. It is called once, in init.
func Register(learns Func) { registered = learns }

const unknownCost = math.MaxUint64
