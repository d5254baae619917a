package js

import (
	"crypto/sha256"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/kalima-chain/kalima/host"
)

// edition counts the releases of this package that charge otherwise, or end calls
// otherwise, in a way that no price and no list below shows.
const edition = 3

// prices lists every number that the gas or the end of a call depends on.
var prices = []any{
	priceNode, priceEntry, priceIteration, priceAlloc, priceProperty, priceStep, priceWalk, elementSize, maxString,
	priceElement, compareElement, compareText, priceArgument, priceCallback, priceBytes, priceEntryOf, priceWeak,
	priceSoftware, priceDigit, maxDigits, priceRegExp, priceCompile, priceReplaced, compiledSize, parsedSize, priceFrame, priceEvent,
	hardNumber, coveredString, coveredNumber, coveredWide, coveredChain, maxBound, maxBoundTwice, smallIndex, smallWrite, maxNative, firstSlice, largestSlice, depthUnit, maxFrames, loadGas,
	MaxSource, MaxMap, maxNesting, maxChain, maxArrows, lockdownSource,
	host.PriceCall, host.PriceByte, host.PriceGet, host.PriceNext, host.PriceWrite, host.PriceSubmit, host.PriceLog,
	host.PriceSHA256, host.PriceEd25519, host.PriceRandom, host.PriceHashByte, host.PriceQuery, host.PriceHTTP,
}

// schedule names what calls cost: the edition, and a digest of all prices, of the library
// that contracts find, and of the engine's release.
var schedule = sync.OnceValue(func() string {
	h := sha256.New()
	fmt.Fprintln(h, prices...)
	fmt.Fprintln(h, engineVersion())
	return fmt.Sprintf("js/%d/%x", edition, h.Sum(nil)[:8])
})

// engineVersion is goja's release in this program. It is empty in a test, which has no
// list of modules.
func engineVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, d := range info.Deps {
		if strings.HasSuffix(d.Path, "/goja") {
			if d.Replace != nil {
				d = d.Replace
			}
			return d.Version + d.Sum
		}
	}
	return ""
}
