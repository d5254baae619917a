package host

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

	PriceHashByte = 4
)
