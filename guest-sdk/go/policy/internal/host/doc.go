// Package host answers what a policy may ask by asking the host. It is empty where there is none.
package host
