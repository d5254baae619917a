package host

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/kalima-chain/kalima/abi"
)

// Prices of host functions in gas: a fixed part, and a part per byte that crosses
// the boundary. One unit is about one simple WASM instruction: 0.05 to 0.3 ns of compiled
// code, and never more than about a nanosecond. Reads and writes are dearer than their time: they
// take block space and memory at every node.
const (
	PriceCall    = 100  // entering and leaving the host
	PriceByte    = 1    // each byte copied in or out
	PriceGet     = 1000 // tree look-up
	PriceNext    = 1000 // tree look-up
	PriceWrite   = 3000 // an entry in the block, the tree and the index
	PriceSubmit  = 3000 //
	PriceLog     = 500
	PriceSHA256  = 300 // and PriceHashByte for each byte
	PriceEd25519 = 60_000
	PriceRandom  = 300
	PriceQuery   = 5000    // another instance begins; what it does is added
	PriceHTTP    = 100_000 // a request holds a connection and a call for milliseconds

	PriceHashByte = 4
)

// Prices lists the prices by name: what Engine is made from.
func Prices() []Price {
	return []Price{
		{"byte", PriceByte}, {"call", PriceCall}, {"ed25519", PriceEd25519}, {"get", PriceGet},
		{"hashbyte", PriceHashByte}, {"http", PriceHTTP}, {"log", PriceLog}, {"next", PriceNext},
		{"query", PriceQuery}, {"random", PriceRandom}, {"sha256", PriceSHA256}, {"submit", PriceSubmit},
		{"write", PriceWrite},
	}
}

// Price is the price of something in gas.
type Price struct {
	Name string
	Gas  uint64
}

// Engine is the digest of all that decides how a call ends and what it costs: the ABI's
// version, the prices of host functions, the limits of calls, whose zero fields take their
// defaults, and the schedules of the runtimes, in any order and each once or more. A block says under
// which engine its contracts ran; a node with another one can not run them again.
func Engine(limits Limits, schedules ...string) abi.Digest {
	h := sha256.New()
	fmt.Fprintf(h, "kalima/engine/1\nabi %d\n", abi.Version)
	for _, p := range Prices() {
		fmt.Fprintf(h, "%s %d\n", p.Name, p.Gas)
	}
	l := limits.withDefaults()
	fmt.Fprintf(h, "limits %d %d %d %d %d\n", l.Gas, l.Memory, l.Depth, l.Writes, l.Bytes)
	for _, s := range slices.Compact(slices.Sorted(slices.Values(schedules))) {
		fmt.Fprintf(h, "%s\n", s)
	}
	return abi.Digest(h.Sum(nil))
}
