// Package serving is the role that decides whether a hit may be served. Importing it is having it, and costs a call on every hit, so have it only
// to refuse some, and abstain from what none is refused of.
package serving

import "github.com/cachewit/cachewit/guest-sdk/go/policy"

// Serve is an answer.
type Serve uint32

// Answers. In a chain one refusal is enough.
const (
	NoOpinion Serve = iota
	Yes
	Refuse            // go makes it anew
	Abstain           // no opinion on this hit and any other of this session: it is not asked again, nor in sessions with the same facts
	AbstainFromOrigin // the same for those that come from where this one does: it is not asked about these again
)

// Func is asked before a hit is served that this session did not put itself. About what the last session of the stream used it is asked ahead
// of go, once a group; go may not come for all of it.
type Func func(group policy.Group, session policy.Session) Serve

var registered Func

// Register says who decides. It is called once, in init.
func Register(decides Func) { registered = decides }
