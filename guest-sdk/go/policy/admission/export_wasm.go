package admission

import (
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/abi"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/host"
)

//go:wasmexport cachewit:policy/admission@0.1.0#admit
func admit() uint32 {
	abi.Begin()
	return uint32(registered(host.Group{}, host.Session{}))
}
