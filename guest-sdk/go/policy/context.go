package policy

import "time"

// Session is the go command that is being served.
type Session interface {
	// Fact is one by its key: stream, command, module, goos, goarch, go-version, ci; and, where the policy wishes for it and the operator has
	// granted it, branch, commit, ci-event and env:NAME.
	Fact(key string) Fact
}

// Group is what is being asked about: an action of go's with its companions. Each method asks the host.
type Group interface {
	// Kind is what its head is.
	Kind() Kind
	// Size is the bytes of all its objects.
	Size() uint64
	// OwnSize is the bytes of those that no other group needs.
	OwnSize() uint64
	// Members is how many actions it has.
	Members() uint32
	// Cost is how long go took to make it; false if that was never observed.
	Cost() (time.Duration, bool)
	// Origin is where it came from.
	Origin() Origin
	// Age is the time since go last put it.
	Age() time.Duration
	// Trust is how far its origin is trusted.
	Trust() Trust
	// Fact is one that the archive says of itself: import-path, toolchain, goos, goarch, experiments.
	Fact(key string) Fact
	// Action is the head's action ID.
	Action() Digest
	// Output is the head's output ID, the SHA-256 of its body.
	Output() Digest
}
