// Package remote is the role that decides where a miss is looked for, and where what was made here goes. Importing it is having it.
package remote

import (
	"time"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
)

// Health is how a target fares.
type Health uint32

// Healths, by the codes of the contract.
const (
	UnknownHealth Health = iota // not asked yet
	Good
	Trouble // the host asks it nothing for now
	Empty
)

// Target is a store and a namespace in it, as the operator configured them.
type Target struct {
	// Index is its number, in the order of the configuration.
	Index uint32
	// Name is the operator's for it.
	Name string
	// Engine is s3, fs …
	Engine string
	// Readable and Writable are what may be done with it.
	Readable, Writable bool
	// Health is how it fares.
	Health Health
}

// Set is a working set that some target's head names: what one session used.
type Set struct {
	// Index is its number.
	Index uint32
	// Name is the one that it was published under.
	Name string
	// Stream is that of the session that published it.
	Stream string
	// Target is the number of the one that holds it.
	Target uint32
	// Age is the time since it was published.
	Age time.Duration
	// Entries is how many actions it names.
	Entries uint32
}

// Network is what there is to ask. Each method asks the host, for each of its items several times.
type Network interface {
	// Targets are in the order of the configuration.
	Targets() []Target
	// Sets are the newest first.
	Sets() []Set
}

// Request is the local miss that is being asked about.
type Request interface {
	// Named has bit n where a loaded set of target n names it.
	Named() uint32
	// Cost is what making it is known to cost; false if that is not known.
	Cost() (time.Duration, bool)
	// Waited is how long this session has waited in vain, all together.
	Waited() time.Duration
	// Action is its ID.
	Action() policy.Digest
}

// Plan is where a policy writes down what is to be done. Numbers out of range are ignored.
type Plan interface {
	// Load is for Open: load this set.
	Load(set uint32)
	// Ask is for Route: ask this target next, and wait so long for the first byte; 0 is the host's own limit, which no wait can exceed.
	Ask(target uint32, wait time.Duration)
	// Publish is for Close: publish what the session used under this name (1 to 200 of A-Za-z0-9._/@=+-).
	Publish(target uint32, name string)
	// Share is for Close: share there what admission lets out.
	Share(target uint32)
}

// Decision is whether the plan holds.
type Decision uint32

// Decisions.
const (
	Pass    Decision = iota // the next policy of the chain is asked, at last the host's own rule
	Decided                 // what the plan was told is what happens, be it nothing
)

// Policy decides. A function that is nil passes.
type Policy struct {
	// Open is asked at the first local miss: which sets to load.
	Open func(network Network, session policy.Session, plan Plan) Decision
	// Route is asked at a miss: whom to ask, in which order.
	Route func(request Request, network Network, session policy.Session, plan Plan) Decision
	// Close is asked when the session is over: what to publish, and where to share.
	Close func(network Network, session policy.Session, plan Plan) Decision
}

var registered Policy

// Register says who decides. It is called once, in init.
func Register(decides Policy) { registered = decides }
