//go:build !wasm

// Package abi is empty where there is no host.
package abi
