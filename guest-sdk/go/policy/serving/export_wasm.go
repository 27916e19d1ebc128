package serving

import (
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/abi"
	"github.com/cachewit/cachewit/guest-sdk/go/policy/internal/host"
)

//go:wasmexport cachewit:policy/serving@0.1.0#serve
func serve() uint32 {
	abi.Begin()
	return uint32(registered(host.Group{}, host.Session{}))
}
