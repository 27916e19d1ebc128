package policy

// Policy is who a policy is, and how it takes its settings.
type Policy struct {
	// Name is short, as it stands in reports: lru.
	Name string
	// Version is the policy's own, for people.
	Version string
	// StateVersion is to be raised when tags or memory of the older one mean something else now: the host then hands them out as 0 and empty.
	StateVersion uint32
	// Configure is called once, before anything is asked. Nil takes no settings. An error that is a *ConfigError names the key at fault.
	Configure func(Settings) error
}

// ConfigError is a setting that cannot be used.
type ConfigError struct {
	// Key is the one at fault, dotted where it lies deeper; empty if no single one is.
	Key string
	// Message says what is wrong and what would be right.
	Message string
}

func (e *ConfigError) Error() string {
	if e.Key == "" {
		return e.Message
	}
	return "setting `" + e.Key + "`: " + e.Message
}

// Settings are what the operator set. Package settings reads them into a struct; Get reads one, with half the code.
type Settings struct{ json string }

// SettingsOf makes settings of a JSON object, for tests.
func SettingsOf(json string) Settings { return Settings{json} }

// JSON is all of them, as one object.
func (s Settings) JSON() string { return s.json }

// Get is the text of a string, number or boolean by its name, dots leading into tables; false if it is not set.
func (s Settings) Get(name string) (string, bool) { return get(s, name) }

// SizeOf reads a number of bytes as people write it: 512, 64MiB, 1.5 GB. False if it is none.
func SizeOf(text string) (uint64, bool) { return sizeOf(text) }

var registered Policy

// Register says who the policy is. It is called once, in init.
func Register(policy Policy) {
	if registered.Name != "" {
		panic("policy.Register is called once, and " + registered.Name + " was registered already")
	}
	if policy.Name == "" {
		panic("policy.Register: a policy has a name")
	}
	registered = policy
}

// configure takes the settings, and says what is wrong with them.
func configure(settings Settings) *ConfigError {
	if registered.Configure == nil {
		if settings.json != "{}" {
			return &ConfigError{Message: "there is no setting"}
		}
		return nil
	}
	switch err := registered.Configure(settings).(type) {
	case nil:
		return nil
	case *ConfigError:
		return err
	default:
		return &ConfigError{Message: err.Error()}
	}
}
