package host

import (
	"time"
	"unsafe"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/abi"
)

//go:wasmimport cachewit:policy/targets@0.1.0 count
func targetsCount() uint32

//go:wasmimport cachewit:policy/targets@0.1.0 name
func targetsName(target uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/targets@0.1.0 engine
func targetsEngine(target uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/targets@0.1.0 mode
func targetsMode(target uint32) uint32

//go:wasmimport cachewit:policy/targets@0.1.0 health
func targetsHealth(target uint32) uint32

//go:wasmimport cachewit:policy/sets@0.1.0 count
func setsCount() uint32

//go:wasmimport cachewit:policy/sets@0.1.0 name
func setsName(set uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/sets@0.1.0 stream
func setsStream(set uint32, results unsafe.Pointer)

//go:wasmimport cachewit:policy/sets@0.1.0 target
func setsTarget(set uint32) uint32

//go:wasmimport cachewit:policy/sets@0.1.0 age
func setsAge(set uint32) uint64

//go:wasmimport cachewit:policy/sets@0.1.0 entries
func setsEntries(set uint32) uint32

//go:wasmimport cachewit:policy/request@0.1.0 named
func requestNamed() uint32

//go:wasmimport cachewit:policy/request@0.1.0 cost
func requestCost(results unsafe.Pointer)

//go:wasmimport cachewit:policy/request@0.1.0 waited
func requestWaited() uint64

//go:wasmimport cachewit:policy/request@0.1.0 action
func requestAction(results unsafe.Pointer)

//go:wasmimport cachewit:policy/plan@0.1.0 load
func planLoad(set uint32)

//go:wasmimport cachewit:policy/plan@0.1.0 ask
func planAsk(target, wait, options uint32)

//go:wasmimport cachewit:policy/plan@0.1.0 publish
func planPublish(target uint32, at unsafe.Pointer, length uint32)

//go:wasmimport cachewit:policy/plan@0.1.0 share
func planShare(target uint32)

func number(ask func() uint32) uint32 {
	defer abi.Ask()()
	return ask()
}

func numberOf(ask func(uint32) uint32, of uint32) uint32 {
	defer abi.Ask()()
	return ask(of)
}

func stringOf(ask func(uint32, unsafe.Pointer), of uint32) string {
	defer abi.Ask()()
	ask(of, abi.Results())
	return abi.String(0)
}

// TargetCount asks the host.
func TargetCount() uint32 { return number(targetsCount) }

// TargetName asks the host.
func TargetName(target uint32) string {
	return stringOf(targetsName, target)
}

// TargetEngine asks the host.
func TargetEngine(target uint32) string {
	return stringOf(targetsEngine, target)
}

// TargetMode asks the host.
func TargetMode(target uint32) uint32 {
	return numberOf(targetsMode, target)
}

// TargetHealth asks the host.
func TargetHealth(target uint32) uint32 {
	return numberOf(targetsHealth, target)
}

// SetCount asks the host.
func SetCount() uint32 { return number(setsCount) }

// SetName asks the host.
func SetName(set uint32) string {
	return stringOf(setsName, set)
}

// SetStream asks the host.
func SetStream(set uint32) string {
	return stringOf(setsStream, set)
}

// SetTarget asks the host.
func SetTarget(set uint32) uint32 {
	return numberOf(setsTarget, set)
}

// SetEntries asks the host.
func SetEntries(set uint32) uint32 {
	return numberOf(setsEntries, set)
}

// SetAge asks the host.
func SetAge(set uint32) time.Duration {
	defer abi.Ask()()
	return seconds(setsAge(set))
}

// Request is remote.Request.
type Request struct{}

// Named asks the host.
func (Request) Named() uint32 { return number(requestNamed) }

// Cost asks the host.
func (Request) Cost() (time.Duration, bool) {
	defer abi.Ask()()
	requestCost(abi.Results())
	return cost()
}

// Waited asks the host.
func (Request) Waited() time.Duration {
	defer abi.Ask()()
	return time.Duration(min(requestWaited(), 1<<40)) * time.Millisecond
}

// Action asks the host.
func (Request) Action() policy.Digest {
	defer abi.Ask()()
	requestAction(abi.Results())
	return digest()
}

// Plan is remote.Plan.
type Plan struct{}

// Load tells the host.
func (Plan) Load(set uint32) {
	defer abi.Ask()()
	planLoad(set)
}

// Ask tells the host.
func (Plan) Ask(target uint32, wait time.Duration) {
	defer abi.Ask()()
	// Less than a millisecond would read as no limit.
	if wait > 0 {
		wait = min(max(wait, time.Millisecond), 1<<32*time.Millisecond-1)
	}
	planAsk(target, uint32(max(wait, 0)/time.Millisecond), 0)
}

// Publish tells the host.
func (Plan) Publish(target uint32, name string) {
	defer abi.Ask()()
	planPublish(target, unsafe.Pointer(unsafe.StringData(name)), uint32(len(name)))
}

// Share tells the host.
func (Plan) Share(target uint32) {
	defer abi.Ask()()
	planShare(target)
}
