//go:build !wasip1

package abi

import "embed"

// Source is the text of this package, for tools that put it beside a Go contract so that
// it builds without a network. It is not part of a contract.
//
//go:embed abi.go address.go doc.go fault.go flat.go functions.go identity.go
var Source embed.FS
