package policy

import "strconv"

// Digest is an action ID or output ID: 32 bytes, as four big-endian words.
type Digest [4]uint64

func (d Digest) String() string {
	text := make([]byte, 0, 64)
	for _, word := range d {
		digits := strconv.FormatUint(word, 16)
		text = append(text, "0000000000000000"[len(digits):]...)
		text = append(text, digits...)
	}
	return string(text)
}

// Kind is what an object is, read off its first bytes. Kinds that this package does not name are possible.
type Kind uint32

// Kinds, by the codes of the contract.
const (
	UnknownKind Kind = iota
	Archive          // a compiled package
	ModuleIndex      // the parsed import lists of a package directory
	SourceList       // the list of a package's source files, a companion of an archive
	VetFacts         // what vet learnt of a package
	TestLog          // what files and variables a test looked at
	TestResult       // what a test printed
	Executable       // a linked program
	OtherKind        // generated source, probes, coverage profiles
)

var kinds = [...]string{"unknown", "archive", "module-index", "source-list", "vet-facts", "test-log", "test-result", "executable", "other"}

func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return kinds[0]
}

// UnmarshalText reads the name that settings use.
func (k *Kind) UnmarshalText(text []byte) error {
	for code, name := range kinds[1:] {
		if name == string(text) {
			*k = Kind(code + 1)
			return nil
		}
	}
	known := ""
	for _, name := range kinds[1:] {
		known += ", `" + name + "`"
	}
	return &ConfigError{Message: "there is no `" + string(text) + "`; there is " + known[2:]}
}

// Origin is where a group came from.
type Origin uint32

// Origins, by the codes of the contract.
const (
	UnknownOrigin Origin = iota
	Local                // made by a go command here
	Remote               // fetched from a remote store
	Native               // found in Go's own cache directory
)

// Trust is how far an origin is trusted.
type Trust uint32

// Trusts, by the codes of the contract.
const (
	UnknownTrust Trust = iota
	LocalTrust         // made on this machine
	Hashed             // the bytes hash to their name, the mapping is the remote's word
	Signed             // the mapping carries a trusted signature
)

// Fact is what the host answers when it is asked for one. What is not there differs from what could not be told.
type Fact struct {
	// Text is the fact, where it is known.
	Text string
	// State says whether it is.
	State FactState
}

// FactState is whether a fact is known.
type FactState uint32

// The states of a fact.
const (
	Unknown FactState = iota // it could not be read, the host does not know the key, or nobody granted it
	Known
	Absent // it is known that there is no such thing: a source list has no import path
)

// FactOf is a fact that is known.
func FactOf(text string) Fact { return Fact{Text: text, State: Known} }
