package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/registry"
)

// chainClient is what the verbs need of a chain. *rpc.Client provides it.
type chainClient interface {
	Submit(ctx context.Context, ops ...chain.Op) (rpc.Receipt, error)
	List(ctx context.Context, q rpc.ListQ) (rpc.ListA, error)
	PutBlob(ctx context.Context, b []byte) (abi.Digest, error)
	Blob(ctx context.Context, d abi.Digest) ([]byte, error)
	Close() error
}

var _ chainClient = (*rpc.Client)(nil)

// The identities that `kalima dev` makes, and what each does here.
const (
	asAuthor   = "author"
	asReviewer = "reviewer"
	asOperator = "operator"
)

// dialChain returns a client of the profile's chain, as that identity; an empty name means
// the one the profile names.
func (a *app) dialChain(as string) (chainClient, error) {
	p, err := rpc.ReadProfile(a.home)
	if err != nil {
		return nil, err
	}
	if as == "" {
		as = p.As
	}
	key, err := rpc.Keys(a.home).Load(as)
	if err != nil {
		return nil, err
	}
	return rpc.New(rpc.Config{Chain: p.Chain, Masters: p.Masters, Key: key})
}

// connect returns a client as the identity that --as names, or else the verb's own.
func (a *app) connect(as string) (chainClient, error) {
	if a.as != "" {
		as = a.as
	}
	return a.dial(as)
}

// submit sends system operations as one transaction. A refusal is an error.
func submit(ctx context.Context, c chainClient, ops ...chain.Op) (rpc.Receipt, error) {
	r, err := c.Submit(ctx, ops...)
	if err != nil {
		return r, err
	}
	if !r.Accepted() {
		return r, refusedBy(r)
	}
	return r, nil
}

func systemOp(name string, body any) (chain.Op, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return chain.Op{}, err
	}
	if len(b) > registry.MaxBody {
		return chain.Op{}, fmt.Errorf("%s: body of %d bytes, at most %d", name, len(b), registry.MaxBody)
	}
	return chain.System(name, b), nil
}

// records is a registry.Reader over the network. It asks for whole addresses and keeps
// them, so that what it shows of one address is of one time. The first error sticks; ask
// err after reading.
type records struct {
	ctx    context.Context
	client chainClient
	seen   map[abi.Address]*page
	err    error
}

type page struct {
	keys   []string // sorted
	values map[string][]byte
}

// maxRecords bounds one address; a registry has a few hundred versions.
const maxRecords = 100_000

func readRecords(ctx context.Context, c chainClient) *records {
	return &records{ctx: ctx, client: c, seen: map[abi.Address]*page{}}
}

func (r *records) load(a abi.Address) *page {
	if p := r.seen[a]; p != nil {
		return p
	}
	p := &page{values: map[string][]byte{}}
	for after := ""; r.err == nil; {
		list, err := r.client.List(r.ctx, rpc.ListQ{Address: a, After: after})
		if err != nil {
			if rpc.Code(err) != rpc.CodeNotFound {
				r.err = fmt.Errorf("read %s: %w", a, err)
			}
			break
		}
		for _, item := range list.Items {
			p.keys = append(p.keys, item.Key)
			p.values[item.Key] = item.Value
		}
		if !list.More || len(list.Items) == 0 {
			break
		}
		if len(p.keys) > maxRecords {
			r.err = fmt.Errorf("read %s: more than %d keys", a, maxRecords)
		}
		after = p.keys[len(p.keys)-1]
	}
	r.seen[a] = p
	return p
}

// Get returns the current value of a key.
func (r *records) Get(a abi.Address, key string) ([]byte, bool) {
	v, ok := r.load(a).values[key]
	return v, ok
}

// Next returns the first key of the address that is greater than after.
func (r *records) Next(a abi.Address, after string) (string, bool) {
	keys := r.load(a).keys
	i, found := slices.BinarySearch(keys, after)
	if found {
		i++
	}
	if i == len(keys) {
		return "", false
	}
	return keys[i], true
}

// version finds a version on chain.
func (a *app) version(r *records, name, version string) (registry.Record, error) {
	rec, ok, err := registry.Version(r, name, version)
	if r.err != nil {
		return rec, r.err
	}
	if err != nil {
		return rec, err
	}
	if !ok {
		return rec, &exitError{code: exitNotFound, err: fmt.Errorf("%s %s is not in the registry", name, version), hint: "what is: " + self() + " status" + a.flags()}
	}
	return rec, nil
}

// did is what a verb that changed the registry prints.
type did struct {
	SchemaVersion int        `json:"schemaVersion"`
	Did           string     `json:"did"`
	Name          string     `json:"name"`
	Version       string     `json:"version,omitempty"`
	Bundle        abi.Digest `json:"bundle"`
	TxID          abi.TxID   `json:"tx"`
	Height        abi.Height `json:"height"`
}

func (a *app) reportDid(what string, rec registry.Record, r rpc.Receipt, more string) error {
	if a.output == "json" {
		return a.printJSON(did{schemaVersion, what, rec.Name, rec.Version, rec.Bundle, r.TxID, r.Height})
	}
	if more != "" {
		more = ", " + more
	}
	_, err := fmt.Fprintf(a.stdout, "%s %s %s, bundle %s, block %d%s\n", what, rec.Name, rec.Version, rec.Bundle.Short(), r.Height, more)
	return err
}
