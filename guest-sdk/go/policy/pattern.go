package policy

import "strings"

// Pattern is one over import paths as in `go list`: ... stands for any text, be it empty, and a trailing /... may be missing altogether, so that
// net/... matches net and net/http but not network. As a setting, what could match no import path is an error.
type Pattern string

// Matches is whether the import path matches.
func (p Pattern) Matches(path string) bool {
	pattern := string(p)
	start, ok := strings.CutSuffix(pattern, "/...")
	return matches(pattern, path) || ok && matches(start, path)
}

// With ... as the only rule: the text before the first one and after the last one is where it must be, and what stands between is found as far to
// the left as it can be.
func matches(pattern, path string) bool {
	parts := strings.Split(pattern, "...")
	last := len(parts) - 1
	if last == 0 {
		return pattern == path
	}
	path, ok := strings.CutPrefix(path, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		if _, path, ok = strings.Cut(path, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(path, parts[last])
}

// UnmarshalText reads the text of a setting.
func (p *Pattern) UnmarshalText(text []byte) error {
	var why string
	switch pattern := string(text); {
	case pattern == "":
		why = "it is empty"
	case pattern == "all" || pattern == "cmd" || pattern == "std" || pattern == "tool" || pattern == "work":
		why = "it is a word of the go command's; write paths, such as `cmd/...`"
	case strings.HasPrefix(pattern, "/") || pattern == "." || pattern == ".." || strings.HasPrefix(pattern, "./") || strings.HasPrefix(pattern, "../"):
		why = "it names a folder; write the import path"
	case strings.Contains(pattern, "@"):
		why = "import paths carry no version"
	case strings.ContainsAny(pattern, " \t\r\n*\\"):
		why = "it has a character that import paths do not have; the wildcard is `...`"
	default:
		*p = Pattern(pattern)
		return nil
	}
	return &ConfigError{Message: "`" + string(text) + "` matches no import path: " + why}
}
