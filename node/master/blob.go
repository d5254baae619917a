package master

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/node/transport"
)

// putBlob keeps contract bytes. From an author they go to the other masters too, and the
// answer waits for a majority: what is acknowledged survives the loss of any minority.
func (s *Server) putBlob(ctx context.Context, m *policy.Member, peer abi.Identity, b []byte) (any, error) {
	if !m.Has(policy.Author) && !m.Has(policy.Admin) && !m.Has(policy.Master) {
		return nil, chain.Refusef(chain.NoGrant, "%s may not store contract bytes: that takes the role %s", m.Name, policy.Author)
	}
	d, err := s.Blobs.Put(b)
	if err != nil {
		return nil, fmt.Errorf("store blob: %w", err)
	}
	if s.isMaster(peer) {
		return d[:], nil
	}
	masters := s.machine.Policy().Masters()
	results := make(chan error, len(masters))
	for id := range masters {
		if id == s.Self {
			results <- nil
			continue
		}
		go func() {
			_, err := s.Peers.Request(ctx, id, rpc.MethodPutBlob, b)
			results <- err
		}()
	}
	need, have := len(masters)/2+1, 0
	var errs []error
	for range masters {
		if err := <-results; err != nil {
			errs = append(errs, err)
		} else {
			have++
		}
		if have == need {
			return d[:], nil
		}
	}
	return nil, fmt.Errorf("store blob: %d of %d masters have it, want %d: %w", have, len(masters), need, errors.Join(errs...))
}

func (s *Server) getBlob(body []byte) (any, error) {
	if len(body) != len(abi.Digest{}) {
		return nil, transport.Errorf(rpc.CodeBadRequest, "a digest has 32 bytes, not %d", len(body))
	}
	b, err := s.Blobs.Get(abi.Digest(body))
	if err != nil {
		return nil, transport.Errorf(rpc.CodeNotFound, "%v", err)
	}
	return b, nil
}

// Fetch returns the bytes of a digest: from the store, or from another master, and then
// from the store. The bytes are checked wherever they come from.
func (s *Server) Fetch(ctx context.Context, d abi.Digest) ([]byte, error) {
	b, err := s.Blobs.Get(d)
	if err == nil {
		return b, nil
	}
	errs := []error{err}
	for id := range s.machine.Policy().Masters() {
		if id == s.Self {
			continue
		}
		b, err := s.Peers.Request(ctx, id, rpc.MethodGetBlob, d[:])
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if got, err := s.Blobs.Put(b); err != nil {
			return nil, err
		} else if got != d {
			errs = append(errs, fmt.Errorf("%s sent bytes of digest %s", id.Short(), got.Short()))
			continue
		}
		return b, nil
	}
	return nil, fmt.Errorf("contract bytes %s: %w", d.Short(), errors.Join(errs...))
}

func sortMasters(m []rpc.MasterInfo) {
	slices.SortFunc(m, func(a, b rpc.MasterInfo) int { return strings.Compare(a.Name, b.Name) })
}
