package wasm

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/meter"
)

// abiModules names, for each ABI version that this host serves, the module of hostModules
// that contracts of that version import from. A version never leaves it while a contract
// that was built for it may still run, and none changes: what is new in a later one stands
// in a module of its own.
var abiModules = map[int32]string{abi.Version: abi.Module}

// importModules are the modules that contracts may import from.
func importModules() []string {
	return append(slices.Sorted(maps.Values(abiModules)), wasiModule)
}

// checkImports refuses functions that the host does not have.
func checkImports(info *meter.Info) error {
	for _, i := range info.Imports {
		f, ok := hostModules[i.Module][i.Name]
		if !ok {
			r := &host.Refusal{Reason: fmt.Sprintf("the host has no function %.60q in module %q", i.Name, i.Module)}
			if i.Module != wasiModule {
				r.Hint = "it came into the ABI after this host was built: update the host, or do without the function"
			}
			return r
		}
		if f.typ != i.Type {
			return &host.Refusal{Reason: fmt.Sprintf("host function %s.%s is imported with another type than it has", i.Module, i.Name),
				Hint: "declare it as the SDK does"}
		}
	}
	return nil
}

// checkVersion refuses a contract that says it was built for a version which this host does
// not serve, or which imports from another version's module.
func checkVersion(version int32, info *meter.Info) error {
	module, ok := abiModules[version]
	if !ok {
		return &host.Refusal{Reason: fmt.Sprintf("built for ABI version %d, this host has version %s", version, versions()),
			Hint: "rebuild it with the SDK of this host, or update the host"}
	}
	for _, i := range info.Imports {
		if i.Module != module && i.Module != wasiModule {
			return &host.Refusal{Reason: fmt.Sprintf("built for ABI version %d and imports %.60q from module %q", version, i.Name, i.Module),
				Hint: fmt.Sprintf("version %d has its functions in module %q", version, module)}
		}
	}
	return nil
}

// versions lists the versions that this host serves, for people.
func versions() string {
	var list []string
	for _, v := range slices.Sorted(maps.Keys(abiModules)) {
		list = append(list, fmt.Sprint(v))
	}
	return strings.Join(list, " and ")
}
