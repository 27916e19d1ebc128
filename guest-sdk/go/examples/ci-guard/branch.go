package main

import (
	"strings"

	"github.com/cachewit/cachewit/guest-sdk/go/policy"
)

// BranchPattern is a name in which * stands for any text without a slash, and ** for any text.
type BranchPattern string

// Matches is whether the branch's name matches. By a table of what the pattern read so far can match, a row for each byte of it: no pattern makes
// it slow.
func (p BranchPattern) Matches(branch string) bool {
	reached := make([]bool, len(branch)+1)
	reached[0] = true
	for rest := string(p); rest != ""; {
		after := strings.TrimLeft(rest, "*")
		if stars := len(rest) - len(after); stars > 0 {
			for end := 1; end <= len(branch); end++ {
				reached[end] = reached[end] || reached[end-1] && (stars > 1 || branch[end-1] != '/')
			}
			rest = after
			continue
		}
		for end := len(branch); end > 0; end-- {
			reached[end] = reached[end-1] && branch[end-1] == rest[0]
		}
		reached[0] = false
		rest = rest[1:]
	}
	return reached[len(branch)]
}

// UnmarshalText refuses what git lets no branch be called: it would match none, and the operator would not be told.
func (p *BranchPattern) UnmarshalText(text []byte) error {
	var why string
	switch pattern := string(text); {
	case pattern == "":
		why = "it is empty"
	case strings.HasPrefix(pattern, "refs/"):
		why = "write the name of the branch without `refs/heads/`"
	case strings.Contains(pattern, "..."):
		why = "the wildcards are `*` and `**`"
	case strings.ContainsFunc(pattern, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune("?[\\^~:", c) }):
		why = "it has a character that no branch has; the wildcards are `*` and `**`"
	default:
		*p = BranchPattern(pattern)
		return nil
	}
	return &policy.ConfigError{Message: "`" + string(text) + "` matches no branch: " + why}
}
