// Package admission is the role that decides what may stay in the local store, and what may leave this machine. Importing it is having it.
package admission

import "github.com/cachewit/cachewit/guest-sdk/go/policy"

// Admit is an answer: one of the constants, or two of them with | between.
type Admit uint32

// Answers. In a chain the most restrictive one wins; sharing what nobody has an opinion on follows the configuration of the store.
const (
	NoOpinion  Admit = 0
	Keep       Admit = 1
	DoNotKeep  Admit = 2
	Share      Admit = 4
	DoNotShare Admit = 8
)

// Func is asked once a group, behind go's back.
type Func func(group policy.Group, session policy.Session) Admit

var registered Func

// Register says who decides. It is called once, in init.
func Register(decides Func) { registered = decides }
