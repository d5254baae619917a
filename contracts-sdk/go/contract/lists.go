package contract

import (
	"iter"

	"github.com/kalima-chain/kalima/abi"
)

// GetMany returns the current values of up to abi.MaxKeys keys, one for each, with one call
// of the host: cheaper than Get for each. The caller owns the bytes.
func GetMany(keys ...abi.KeyRef) []abi.Value {
	var list []byte
	for _, k := range keys {
		var err error
		if list, err = abi.AppendKeyRef(list, k); err != nil {
			hostGetMany(pointer(list), uint32(len(list)))
			Get(k.Address, k.Key) // ends the call: the host says what is wrong with it
		}
	}
	values, err := abi.ParseValues(kept(hostGetMany(pointer(list), uint32(len(list)))))
	must(err)
	return values
}

// Scan walks through the entries of the address with after < key < before, in byte order; an
// empty before is no bound. The walk sees what the call wrote before it began. It reads
// pages of entries, of up to abi.MaxScan. The caller owns the bytes.
func Scan(address, after, before string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		limit := firstPage
		for after := after; ; limit = abi.MaxScan {
			page := ScanPage(address, after, before, limit)
			for _, e := range page {
				if !yield(e.Key, e.Value) {
					return
				}
			}
			if len(page) == 0 {
				return
			}
			after = page[len(page)-1].Key
		}
	}
}

// firstPage keeps a walk that ends soon cheap.
const firstPage = 16

// ScanPage returns the first limit (1 to abi.MaxScan) of these entries, with one call of the
// host. Fewer come when they would pass abi.MaxAnswer bytes; none is the end.
func ScanPage(address, after, before string, limit int) []abi.KeyValue {
	entries, err := abi.ParseKeyValues(kept(hostScan(address, after, before, int32(limit))))
	must(err)
	return entries
}

// Query asks the query entry of another contract. ok is false when there is no such
// contract, or it rejects the question; a fault there ends this call too. The caller owns
// the bytes.
func Query(name, key string, arg []byte) (answer []byte, ok bool) {
	n := hostQuery(name, key, pointer(arg), uint32(len(arg)))
	if n < 0 {
		return nil, false
	}
	return kept(n), true
}

// Reply is what a query answers. Query only, once.
func Reply(answer []byte) { hostReply(pointer(answer), uint32(len(answer))) }

// Emit makes an event of the contract's own, with data. Validate and migrate only.
func Emit(topic string, data []byte) { hostEmit(topic, pointer(data), uint32(len(data))) }

// Request is sent to a host that the deployment granted.
type Request struct {
	Method string // GET, POST, PUT, PATCH or DELETE
	URL    string
	Body   []byte
}

// Response is what such a host answers.
type Response struct {
	Status int
	Body   []byte
}

// HTTP sends a request. ok is false when there was no answer. React only, when granted.
func HTTP(r Request) (answer Response, ok bool) {
	status := hostHTTP(r.Method, r.URL, pointer(r.Body), uint32(len(r.Body)))
	if status < 0 {
		return Response{}, false
	}
	return Response{int(status), kept(hostResult(nil, 0))}, true
}

// Clock returns this node's time; time.UnixMicro(int64(t)) makes a time.Time of it. React
// only, when granted.
func Clock() abi.Time { return abi.Time(hostClock()) }

// kept copies the n bytes that the host keeps.
func kept(n int32) []byte {
	b := make([]byte, n)
	hostResult(pointer(b), uint32(n))
	return b
}

// must ends the call when the host did not keep to its own format.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
