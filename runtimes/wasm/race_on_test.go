//go:build race

package wasm_test

// underRace: the race detector reserves memory without measure, so children have no limit of
// it then.
const underRace = true
