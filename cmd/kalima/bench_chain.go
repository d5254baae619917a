package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/bench"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/devnet"
	"github.com/kalima-chain/kalima/node/rpc"
)

const (
	benchAddress abi.Address = "/bench"
	benchKeys                = 5                // identities of the clients: genesis has no room for hundreds
	perIdentity              = 8                // connections of one identity a master takes
	benchPage                = 16 << 10         // bytes of a block
	benchLeader              = 30 * time.Second // for the masters to choose one
)

func (a *app) benchChainCmd() *cobra.Command {
	var masters, size, clients, inFlight int
	var duration time.Duration
	var running, plain bool
	var dir string
	cmd := &cobra.Command{
		Use:   "chain",
		Short: "measure blocks, transactions and latency of five masters on this machine",
		Long: `bench chain starts masters in this process, over QUIC, encrypted and with fsync, in a
folder that it takes away again. Clients keep signed transactions of one put each on the
way; every one is verified, ordered, applied and delivered to a subscriber.

  submit_ordered    from sending a transaction to its receipt
  submit_delivered  from sending it to its event at a subscriber

A block holds 16 KiB with header and signature, so the largest value has a little less:
a larger --size measures full blocks, and value_bytes says how many bytes that is.
--live uses the running chain of --home instead.`,
		Example: `  kalima bench chain
  kalima bench chain --size 16384 --clients 5 --in-flight 32
  kalima bench chain --duration 30s -o json
  kalima bench chain --live`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case masters < 1 || masters > devnet.MaxMasters:
				return invalid(fmt.Errorf("--masters %d: want 1 to %d", masters, devnet.MaxMasters))
			case size < 1:
				return invalid(fmt.Errorf("--size %d: at least 1 byte", size))
			case clients < 1 || clients > benchKeys*perIdentity*masters/2:
				return invalid(fmt.Errorf("--clients %d: want 1 to %d", clients, benchKeys*perIdentity*masters/2))
			case inFlight < 1 || inFlight > 1024:
				return invalid(fmt.Errorf("--in-flight %d: want 1 to 1024", inFlight))
			case duration < time.Second || duration > time.Hour:
				return invalid(fmt.Errorf("--duration %v: want 1s to 1h", duration))
			}
			load := bench.Load{Address: benchAddress, Size: size, Clients: clients, InFlight: inFlight, Duration: duration}
			if most := bench.MaxValue(benchAddress); size > most {
				a.say("a block holds %d bytes, so the largest value has %d: measuring full blocks", benchPage, most)
				load.Size = most
			}
			out := benchChainJSON{SchemaVersion: schemaVersion, Masters: masters, Clients: clients, InFlight: inFlight, Live: running, Encrypted: !plain}
			if running {
				return a.benchLive(cmd.Context(), load, out)
			}
			return a.benchOwn(cmd.Context(), dir, load, out)
		},
	}
	f := cmd.Flags()
	f.IntVar(&masters, "masters", 5, "masters of the chain")
	f.DurationVar(&duration, "duration", 10*time.Second, "how long to measure")
	f.IntVar(&size, "size", 200, "bytes of each value")
	f.IntVar(&clients, "clients", 5, "connections, spread over the masters")
	f.IntVar(&inFlight, "in-flight", 64, "transactions each client keeps on the way")
	f.BoolVar(&running, "live", false, "measure the running chain of --home")
	f.BoolVar(&plain, "plain", false, "store without encryption")
	f.StringVar(&dir, "dir", "", "put the chain below this folder (default: that of temporary files)")
	return cmd
}

type benchChainJSON struct {
	SchemaVersion int  `json:"schemaVersion"`
	Masters       int  `json:"masters"`
	Clients       int  `json:"clients"`
	InFlight      int  `json:"in_flight"`
	Live          bool `json:"live"`
	Encrypted     bool `json:"encrypted"`
	*bench.Result
	bench.Machine
}

// benchOwn measures a chain of its own.
func (a *app) benchOwn(ctx context.Context, under string, load bench.Load, out benchChainJSON) (err error) {
	dir, err := os.MkdirTemp(under, "kalima-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if out.Machine, err = bench.MeasureMachine(dir); err != nil {
		return err
	}
	home := dir + "/chain"
	o := devnet.Options{Name: "bench", Masters: out.Masters, As: "bench-1", Plain: !out.Encrypted}
	for i := range benchKeys {
		p := []abi.Pattern{abi.Pattern(benchAddress + "/**")}
		o.Members = append(o.Members, devnet.Member{Name: fmt.Sprintf("bench-%d", i+1), Roles: []string{policy.Client}, Pub: p, Sub: p})
	}
	if err := devnet.Create(home, o); err != nil {
		return err
	}
	nodes, err := devnet.Nodes(home)
	if err != nil {
		return err
	}
	a.say("starting %s in %s", count(out.Masters, "master"), home)
	local, err := devnet.StartAll(ctx, nodes, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, local.Close()) }()
	p, err := rpc.ReadProfile(home)
	if err != nil {
		return err
	}
	for i := range benchKeys {
		key, err := rpc.Keys(home).Load(fmt.Sprintf("bench-%d", i+1))
		if err != nil {
			return err
		}
		load.Keys = append(load.Keys, key)
	}
	return a.measureChain(ctx, p, load, out)
}

// benchLive measures the chain of the profile, as the identity of --as.
func (a *app) benchLive(ctx context.Context, load bench.Load, out benchChainJSON) error {
	p, err := a.profile()
	if err != nil {
		return err
	}
	out.Masters = len(p.Masters)
	if load.Clients > perIdentity*out.Masters/2 {
		return invalid(fmt.Errorf("--clients %d: at most %d as one identity", load.Clients, perIdentity*out.Masters/2))
	}
	key, err := rpc.Keys(a.home).Load(a.who())
	if err != nil {
		return err
	}
	load.Keys = append(load.Keys, key)
	if out.Machine, err = bench.MeasureMachine(a.home); err != nil {
		return err
	}
	return a.measureChain(ctx, p, load, out)
}

func (a *app) measureChain(ctx context.Context, p *rpc.Profile, load bench.Load, out benchChainJSON) error {
	load.Chain, load.Masters, load.Reader = p.Chain, p.Masters, load.Keys[0]
	c, err := rpc.New(rpc.Config{Chain: p.Chain, Masters: p.Masters, Key: load.Reader})
	if err != nil {
		return err
	}
	defer c.Close()
	ready, cancel := context.WithTimeout(ctx, benchLeader)
	defer cancel()
	for {
		s, err := c.Status(ready)
		if err == nil && s.Leader != "" {
			break
		}
		select {
		case <-ready.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return &exitError{code: exitTimeout, err: fmt.Errorf("the masters chose no leader within %v", benchLeader)}
		case <-time.After(50 * time.Millisecond):
		}
	}
	a.say("measuring for %v: %s, %d transactions of each on the way, values of %s", load.Duration, count(load.Clients, "client"), load.InFlight, count(load.Size, "byte"))
	if out.Result, err = bench.Run(ctx, load); err != nil {
		return err
	}
	if a.output == "json" {
		return a.printJSON(out)
	}
	a.showBenchChain(&out)
	return nil
}

func (a *app) showBenchChain(r *benchChainJSON) {
	w := a.stdout
	row := func(name string, p bench.Percentiles) {
		fmt.Fprintf(w, "  %-18s p50 %8.2f ms   p99 %8.2f ms   p99.9 %8.2f ms\n", name, p.P50, p.P99, p.P999)
	}
	fmt.Fprintf(w, "%s, %s, values of %s, %.1f s\n", count(r.Masters, "master"), count(r.Clients, "client"), count(r.ValueBytes, "byte"), r.Seconds)
	fmt.Fprintf(w, "  %-18s %s\n", "blocks/s", thousands(int64(r.BlocksPerS)))
	fmt.Fprintf(w, "  %-18s %s\n", "transactions/s", thousands(int64(r.TxPerS)))
	fmt.Fprintf(w, "  %-18s %.2f\n", "MB/s of values", r.MBPerS)
	row("submit, ordered", r.Latency.Ordered)
	row("submit, delivered", r.Latency.Delivered)
	if r.Failed > 0 {
		fmt.Fprintf(w, "  %-18s %s, the first: %s\n", "failed", thousands(r.Failed), r.FirstFail)
	}
	fmt.Fprintf(w, "this machine\n  %-18s %d, load %.2f before\n", "cores", r.Cores, r.Load1)
	fmt.Fprintf(w, "  %-18s %.0f us for 16 KiB\n", "fsync", r.FsyncUS)
	fmt.Fprintf(w, "  %-18s %.0f us\n", "Ed25519 verify", r.Ed25519VerifyUS)
}
