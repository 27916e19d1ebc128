package policy

// Level is how much a line of the log matters.
type Level uint32

// The levels.
const (
	Error Level = iota + 1
	Warn
	Info
	Debug
)

// Log says something to the person who runs the build or debugs the policy.
func Log(level Level, message string) { log(level, message) }

// Logs is whether lines of that level are kept: putting one together costs more than asking.
func Logs(level Level) bool { return level <= maxLevel() }

// Count adds to a counter, which begins at 0 and stands in the session's summary and in `cachewit stats`. A name has 1 to 64 characters of
// a-z0-9._-; what has another name is dropped.
func Count(name string, value uint64) { count(name, value) }

// MostBytes is the most that a policy can remember.
const MostBytes = 64 << 10

// Load is what was saved last, under the policy's name and state version; empty if nothing was. It must not be written to.
func Load() []byte { return load() }

// Save replaces it; false if it is too long. Of sessions that run side by side the one that ends last is remembered, so it is a place for
// estimates and not for truths.
func Save(bytes []byte) bool { return save(bytes) }
