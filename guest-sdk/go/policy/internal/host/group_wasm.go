package host

import (
	"time"
	"unsafe"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/abi"
)

//go:wasmimport cachewit:policy/session@0.1.0 fact
func sessionFact(at unsafe.Pointer, length uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/group@0.1.0 kind
func groupKind() uint32

//go:wasmimport cachewit:policy/group@0.1.0 size
func groupSize() uint64

//go:wasmimport cachewit:policy/group@0.1.0 own-size
func groupOwnSize() uint64

//go:wasmimport cachewit:policy/group@0.1.0 members
func groupMembers() uint32

//go:wasmimport cachewit:policy/group@0.1.0 cost
func groupCost(results unsafe.Pointer)

//go:wasmimport cachewit:policy/group@0.1.0 origin
func groupOrigin() uint32

//go:wasmimport cachewit:policy/group@0.1.0 age
func groupAge() uint64

//go:wasmimport cachewit:policy/group@0.1.0 trust
func groupTrust() uint32

//go:wasmimport cachewit:policy/group@0.1.0 fact
func groupFact(at unsafe.Pointer, length uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/group@0.1.0 action
func groupAction(results unsafe.Pointer)

//go:wasmimport cachewit:policy/group@0.1.0 output
func groupOutput(results unsafe.Pointer)

// Session is policy.Session.
type Session struct{}

// Fact asks the host.
func (Session) Fact(key string) policy.Fact {
	defer abi.Ask()()
	sessionFact(unsafe.Pointer(unsafe.StringData(key)), uint32(len(key)), abi.Results())
	return fact()
}

// result<string, u32>.
func fact() policy.Fact {
	switch {
	case abi.Byte(0) == 0:
		return policy.FactOf(abi.String(4))
	case abi.Number(4) == 1:
		return policy.Fact{State: policy.Absent}
	}
	return policy.Fact{}
}

// option<u64> of microseconds.
func cost() (time.Duration, bool) {
	if abi.Byte(0) == 0 {
		return 0, false
	}
	return Micros(abi.Word(8)), true
}

// Micros is so many microseconds, or as many as a duration can have.
func Micros(count uint64) time.Duration {
	const most = 1<<63 - 1
	if count > most/1000 {
		return most
	}
	return time.Duration(count) * time.Microsecond
}

func seconds(count uint64) time.Duration {
	const most = 1<<63 - 1
	if count > most/1_000_000_000 {
		return most
	}
	return time.Duration(count) * time.Second
}

func digest() policy.Digest {
	return policy.Digest{abi.Word(0), abi.Word(8), abi.Word(16), abi.Word(24)}
}

// Group is policy.Group.
type Group struct{}

// Kind asks the host.
func (Group) Kind() policy.Kind {
	defer abi.Ask()()
	return policy.Kind(groupKind())
}

// Size asks the host.
func (Group) Size() uint64 {
	defer abi.Ask()()
	return groupSize()
}

// OwnSize asks the host.
func (Group) OwnSize() uint64 {
	defer abi.Ask()()
	return groupOwnSize()
}

// Members asks the host.
func (Group) Members() uint32 {
	defer abi.Ask()()
	return groupMembers()
}

// Cost asks the host.
func (Group) Cost() (time.Duration, bool) {
	defer abi.Ask()()
	groupCost(abi.Results())
	return cost()
}

// Origin asks the host.
func (Group) Origin() policy.Origin {
	defer abi.Ask()()
	return policy.Origin(groupOrigin())
}

// Age asks the host.
func (Group) Age() time.Duration {
	defer abi.Ask()()
	return seconds(groupAge())
}

// Trust asks the host.
func (Group) Trust() policy.Trust {
	defer abi.Ask()()
	return policy.Trust(groupTrust())
}

// Fact asks the host.
func (Group) Fact(key string) policy.Fact {
	defer abi.Ask()()
	groupFact(unsafe.Pointer(unsafe.StringData(key)), uint32(len(key)), abi.Results())
	return fact()
}

// Action asks the host.
func (Group) Action() policy.Digest {
	defer abi.Ask()()
	groupAction(abi.Results())
	return digest()
}

// Output asks the host.
func (Group) Output() policy.Digest {
	defer abi.Ask()()
	groupOutput(abi.Results())
	return digest()
}
