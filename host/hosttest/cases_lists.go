package hosttest

import (
	"fmt"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/host"
)

// listCases are get_many and scan.
func listCases() []tcase {
	overlaid := all(one(own, "b", "3"), one(own, "c", "4"), one(own, "a", ""))
	list := []tcase{
		{name: "get-many own", key: "get-many", arg: " a  k  z", out: out("=1,=value,=26,"), usage: &host.Usage{Reads: 3, Writes: 1, Bytes: len(own) + 3 + 14}},
		{name: "get-many of one", key: "get-many", arg: " k", out: out("=value,")},
		{name: "get-many of none", key: "get-many", out: out("none"), usage: &host.Usage{Writes: 1, Bytes: len(own) + 3 + 4}},
		{name: "get-many anywhere", key: "get-many", arg: "/other x " + string(own) + " z  a /nothing k /other bin", out: out("=y,=26,=1,absent,=\x00\xff,")},
		{name: "get-many of one key twice", key: "get-many", arg: " k  k", out: out("=value,=value,")},
		{name: "get-many absent", key: "get-many", arg: " b  c", out: out("absent,absent,")},
		{name: "get-many in other scripts", key: "get-many", arg: "/keys 𝄞 /keys é /keys " + longKey, out: out("=4,=2,=6,")},
		{name: "get-many of 64", key: "get-many", arg: pairs("/many", 64), out: out(strings.Repeat("=v,", 64))},
		{name: "get-many of 65", key: "get-many", arg: pairs("/many", 65), codes: codes(abi.BadHostCall)},
		{name: "get-many malformed address", key: "get-many", arg: " k other x", codes: codes(abi.BadHostCall)},
		{name: "get-many long key", key: "get-many", arg: " k /other " + longKey + "k", codes: codes(abi.BadHostCall)},
		{name: "get-many long address", key: "get-many", arg: longAddress + "s k", codes: codes(abi.BadHostCall)},
		{name: "get-many control character", key: "get-many", arg: " a\x01", codes: codes(abi.BadHostCall)},
		{name: "get-many beyond the answer", key: "get-many", arg: pairs("/large", 18), codes: codes(abi.TooMuch)},
		{name: "lists see own writes", key: "overlay-many", writes: overlaid, out: out("absent,=3,=4,;b=3,c=4,k=value,z=26,")},

		{name: "scan own", key: "scan", arg: "   256", out: out("a=1,k=value,z=26,"), usage: &host.Usage{Reads: 4, Writes: 1, Bytes: len(own) + 3 + 17}},
		{name: "scan by address", key: "scan", arg: string(own) + "   256", out: out("a=1,k=value,z=26,")},
		{name: "scan another address", key: "scan", arg: "/other   256", out: out("bin=\x00\xff,x=y,")},
		{name: "scan nothing", key: "scan", arg: "/nothing   256", out: out("none")},
		{name: "scan after", key: "scan", arg: " a  256", out: out("k=value,z=26,")},
		{name: "scan after between", key: "scan", arg: " b  256", out: out("k=value,z=26,")},
		{name: "scan after the last", key: "scan", arg: " z  256", out: out("none")},
		{name: "scan before", key: "scan", arg: "  z 256", out: out("a=1,k=value,")},
		{name: "scan before between", key: "scan", arg: "  l 256", out: out("a=1,k=value,")},
		{name: "scan before the first", key: "scan", arg: "  a 256", out: out("none")},
		{name: "scan between", key: "scan", arg: " a z 256", out: out("k=value,")},
		{name: "scan from a key to itself", key: "scan", arg: " k k 256", out: out("none")},
		{name: "scan backwards", key: "scan", arg: " z a 256", out: out("none")},
		{name: "scan one", key: "scan", arg: "   1", out: out("a=1,"), usage: &host.Usage{Reads: 1, Writes: 1, Bytes: len(own) + 3 + 4}},
		{name: "scan two", key: "scan", arg: "   2", out: out("a=1,k=value,")},
		{name: "scan as many as there are", key: "scan", arg: "   3", out: out("a=1,k=value,z=26,")},
		{name: "scan in byte order", key: "scan", arg: "/keys   6", out: out("a b=5," + longKey + "=6,z=1,é=2,\uFFFD=3,𝄞=4,")},
		{name: "scan between other scripts", key: "scan", arg: "/keys é 𝄞 6", out: out("\uFFFD=3,")},
		{name: "scan 255 of 300", key: "scan-count", arg: "/many   255", out: out("255 255")},
		{name: "scan 256 of 300", key: "scan-count", arg: "/many   256", out: out("256 256"), usage: &host.Usage{Reads: 256, Writes: 1, Bytes: len(own) + 3 + 7}},
		{name: "scan the rest of 300", key: "scan-count", arg: "/many k255  256", out: out("44 44")},
		{name: "scan 17 of the largest values", key: "scan-count", arg: "/large   256", out: out(fmt.Sprint("17 ", 17*abi.MaxValue))},
		{name: "scan the rest of the largest values", key: "scan-count", arg: "/large k16  256", out: out(fmt.Sprint("3 ", 3*abi.MaxValue))},
		{name: "scan all of 300", key: "scan-all", arg: "/many", out: out("300 300")},
		{name: "scan all of the largest values", key: "scan-all", arg: "/large", out: out(fmt.Sprint("20 ", 20*abi.MaxValue))},
		{name: "scan all of nothing", key: "scan-all", arg: "/nothing", out: out("0 0")},
		{name: "scan beyond gas", key: "scan-count", arg: "/many   256", limits: host.Limits{Gas: 300_000}, codes: codes(abi.OutOfGas)},
	}
	return append(list, fails(abi.BadHostCall,
		tcase{name: "scan 257", key: "scan", arg: "   257"},
		tcase{name: "scan 0", key: "scan", arg: "   0"},
		tcase{name: "scan -1", key: "scan", arg: "   -1"},
		tcase{name: "scan the largest number", key: "scan", arg: "   2147483647"},
		tcase{name: "scan malformed address", key: "scan", arg: "other   5"},
		tcase{name: "scan long address", key: "scan", arg: longAddress + "s   5"},
	)...)
}

// pairs is the argument of get-many for n keys of an address of testState.
func pairs(address string, n int) string {
	var words []string
	for i := range n {
		key := fmt.Sprintf("k%03d", i)
		if address == "/large" {
			key = fmt.Sprintf("k%02d", i)
		}
		words = append(words, address, key)
	}
	return strings.Join(words, " ")
}
