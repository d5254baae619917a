package replay

import (
	"fmt"
	"strconv"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
)

// Difference is a part of the outcome that is not the same. An empty text means that it is
// not there.
type Difference struct {
	What  string `json:"what"`
	Block string `json:"block"`
	Here  string `json:"here"`
}

// Differences compares the outcome in the block with the one here.
func (r *Run) Differences() []Difference {
	there, here := r.There(), &r.Here
	all := []Difference{}
	add := func(what, a, b string) {
		if a != b {
			all = append(all, Difference{what, a, b})
		}
	}
	if r.Refused != nil {
		return []Difference{{"outcome", Ending(there), "refused: " + r.Refused.Error()}}
	}
	add("outcome", Ending(there), Ending(here))
	add("gas", strconv.FormatUint(there.Gas, 10), strconv.FormatUint(here.Gas, 10))
	for i := range max(len(there.Sequences), len(here.Sequences)) {
		add(fmt.Sprintf("sequence %d", i+1), element(there.Sequences, i, number), element(here.Sequences, i, number))
	}
	for i := range max(len(there.Writes), len(here.Writes)) {
		add(fmt.Sprintf("write %d", i+1), element(there.Writes, i, written), element(here.Writes, i, written))
	}
	for i := range max(len(there.Reads), len(here.Reads)) {
		add(fmt.Sprintf("read %d", i+1), element(there.Reads, i, read), element(here.Reads, i, read))
	}
	return all
}

func element[T any](list []T, i int, text func(T) string) string {
	if i >= len(list) {
		return ""
	}
	return text(list[i])
}

func number(s abi.Sequence) string { return strconv.FormatUint(uint64(s), 10) }

func written(w chain.Write) string {
	return fmt.Sprintf("%s %s %.200q, sequence %d", w.Address, w.Key, w.Value, w.Sequence)
}

func read(r chain.Read) string { return string(r.Address) + " " + r.Key }

// Ending says how a transaction ended.
func Ending(o *chain.Outcome) string {
	if o.Accepted() {
		return "accepted"
	}
	return (&abi.Fault{Code: o.Code, Reason: o.Reason, Message: o.Message}).Error()
}
