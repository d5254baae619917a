// Package sensors holds the two contracts that guard a machine's own sensors, and their
// sources inside the binary: they need no toolchain, so `kalima dev` can deploy them on a
// machine that has nothing but the program.
package sensors

import (
	"embed"
	"io/fs"

	"github.com/kalima-chain/kalima/abi"
)

//go:embed validate react
var files embed.FS

// Contract is one of the contracts of this example.
type Contract struct {
	Name    string      // as in its manifest
	Dir     string      // folder of Files with kalima.toml and source
	Phase   abi.Phase   // the phase to bind it for
	Address abi.Pattern // the addresses to bind it to
}

// Hosts is the pattern of the addresses that machines put their sensors to:
// /hosts/<name> and what is below.
const Hosts abi.Pattern = "/hosts/**"

// Alarms is the pattern of the addresses that alarms arrive at: /alarms/<name>.
const Alarms abi.Pattern = "/alarms/*"

// Contracts returns both contracts, in the order to deploy them.
func Contracts() []Contract {
	return []Contract{
		{Name: "sensors-validate", Dir: "validate", Phase: abi.Validate, Address: Hosts},
		{Name: "sensors-react", Dir: "react", Phase: abi.React, Address: Hosts},
	}
}

// Files returns the contracts' folders.
func Files() fs.FS { return files }
