// Package policy is what a policy of cachewit's that is written in Go is made of.
//
// A policy is a package main whose init registers it and what it decides; a role is a package below this one, and a policy has the roles whose
// packages it imports:
//
//	func init() {
//		policy.Register(policy.Policy{Name: "no-secrets", Version: "1.0.0", Configure: configure})
//		admission.Register(admit)
//	}
//
//	func main() {}
//
// Package fake makes groups, sessions and trims for the tests, which need no WebAssembly.
//
// A question is one call, and the answer is what the function returns. Goroutines that are left running stand still until the next question.
// time.Now has the time of the question, time.Sleep ends at once, random numbers are the same in every run, and there are no files, no
// environment and no network. Lines that are printed become lines of the log, of level 4.
package policy
