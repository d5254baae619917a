package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/devnet"
	"github.com/kalima-chain/kalima/examples/sensors"
	"github.com/kalima-chain/kalima/node/rpc"
)

const (
	leaderPatience = 60 * time.Second // five masters on a busy machine need a few
	stopPatience   = 3 * time.Second
)

// devJob is one run of `kalima dev`.
type devJob struct {
	*app
	processes bool
	sensors   bool
	plain     bool
	masters   int
	every     time.Duration
}

func (a *app) devCmd() *cobra.Command {
	j := &devJob{app: a}
	dir := ""
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "run a whole chain on this machine: five masters and an edge client",
		Long: `dev makes a chain in a folder, or goes on with the one that is there, and runs it: five
masters that talk QUIC to each other, an edge client that runs react contracts, and keys
for everyone who takes part.

This machine is its first device: its sensors (processors, load, memory, disks, network,
temperatures) are signed and put every second under /hosts/NAME. A validate contract
rejects impossible values, and a react contract raises /alarms/NAME when a limit is passed.

When all is ready it prints one line that begins with "ready", and then shows what
happens: a panel on a terminal, a line every few seconds elsewhere. Ctrl-C stops all.
What the nodes say stands in the folder log/, with each fault of a contract and its line.

The keys it makes, by what they may do:
  operator   deploys contracts; writes and reads everything. Used without --as
  admin      says who is known and who may do what; reads everything
  author     publishes contracts
  reviewer   approves contracts of others
  device     writes and reads /hosts/**`,
		Example: `  kalima dev
  kalima dev --dir /var/lib/kalima --processes
  kalima dev --sensors=false`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir != "" {
				a.home = dir
			}
			if j.every < time.Second {
				return invalid(fmt.Errorf("--every %v: at least 1s", j.every))
			}
			return j.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "dir", "", "folder of the chain (default: --home)")
	f.BoolVar(&j.processes, "processes", false, "each node as a process of its own")
	f.BoolVar(&j.sensors, "sensors", true, "put this machine's sensors on the chain")
	f.BoolVar(&j.plain, "plain", false, "when a chain is made: store it without encryption")
	f.IntVar(&j.masters, "masters", 5, "when a chain is made: how many masters")
	f.DurationVar(&j.every, "every", 5*time.Second, "without a terminal: time between lines")
	return cmd
}

// devMembers is who takes part in a new chain.
func devMembers() []devnet.Member {
	all := []abi.Pattern{"/**"}
	return []devnet.Member{
		{Name: "admin", Roles: []string{policy.Admin}},
		{Name: "author", Roles: []string{policy.Author}, Sub: all},
		{Name: "reviewer", Roles: []string{policy.Reviewer}, Sub: all},
		{Name: "operator", Roles: []string{policy.Operator}, Pub: all, Sub: all},
		{Name: "device", Roles: []string{policy.Client}, Pub: []abi.Pattern{sensors.Hosts}, Sub: []abi.Pattern{sensors.Hosts}},
	}
}

func (j *devJob) run(ctx context.Context) (err error) {
	release, err := devnet.Lock(j.home)
	if err != nil {
		return err
	}
	defer release()
	if err := devnet.CheckDisk(j.home); err != nil {
		return err
	}
	if !devnet.Exists(j.home) {
		j.say("making a chain in %s", j.home)
		err := devnet.Create(j.home, devnet.Options{
			Name: "dev", Masters: j.masters, Members: devMembers(), As: "operator", Plain: j.plain,
			Edge: &devnet.Member{Name: "edge", Roles: []string{policy.Client}, Pub: []abi.Pattern{"/alarms/**"}, Sub: []abi.Pattern{"/**"}},
		})
		if err != nil {
			return err
		}
	} else {
		j.say("going on with the chain in %s", j.home)
	}
	p, err := j.profile()
	if err != nil {
		return err
	}
	nodes, err := devnet.Nodes(j.home)
	if err != nil {
		return err
	}
	n, err := j.start(ctx, nodes)
	if err != nil {
		return err
	}
	defer func() {
		j.say("stopping")
		if e := within(stopPatience, n.Close); err == nil {
			err = e
		}
	}()
	return j.serve(ctx, p, n)
}

// running is the nodes of the chain, in this process or in others.
type running interface {
	Close() error
	Failed() <-chan error
}

// start starts the nodes.
func (j *devJob) start(ctx context.Context, nodes []*devnet.Node) (running, error) {
	if j.processes {
		p, err := devnet.StartProcesses(ctx, j.home, nodes, []string{os.Args[0], "node", "--child"}, func(name string) {
			j.say("%s was slow to stop and was ended; it loses nothing", name)
		})
		if err != nil {
			return nil, err
		}
		return p, nil
	}
	logDir := filepath.Join(j.home, "log")
	if err := os.MkdirAll(logDir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(logDir, "dev.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	engines, err := openRuntimes(filepath.Join(j.home, "code"), nodes[0].Storage)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	l, err := devnet.StartAll(ctx, nodes, engines.languages(), slog.New(slog.NewTextHandler(f, nil)))
	if err != nil {
		return nil, errors.Join(err, engines.Close(), f.Close())
	}
	return &localNodes{l, engines, f}, nil
}

// localNodes is nodes in this process, with what they stand on.
type localNodes struct {
	*devnet.Local
	engines runtimes
	log     *os.File
}

func (l *localNodes) Close() error {
	return errors.Join(l.Local.Close(), l.engines.Close(), l.log.Close())
}

// within runs f and gives up waiting for it after a while.
func within(d time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
		return fmt.Errorf("not everything stopped within %v", d)
	}
}

// serve waits for a leader, deploys the sensor contracts, says ready and shows what
// happens until ctx ends.
func (j *devJob) serve(ctx context.Context, p *rpc.Profile, n running) error {
	clients, closeAll, err := j.clients(p, "operator", "author", "reviewer", "device")
	if err != nil {
		return err
	}
	defer closeAll()
	operator := clients["operator"]
	if err := j.waitLeader(ctx, operator, n); err != nil {
		return stopped(ctx, err)
	}
	if j.sensors {
		team := devnet.Team{Author: clients["author"], Reviewer: clients["reviewer"], Operator: operator}
		if err := j.deploy(ctx, team); err != nil {
			return stopped(ctx, err)
		}
	}
	l := newLive(j, p, operator, n)
	if err := l.follow(ctx); err != nil {
		return stopped(ctx, err)
	}
	var masters []string
	for _, m := range p.Masters {
		masters = append(masters, m.Address)
	}
	fmt.Fprintf(j.stdout, "ready chain=%s masters=%s home=%s\n", p.Chain, strings.Join(masters, ","), shellWord(j.home))
	if j.sensors {
		go l.device(ctx, clients["device"])
	}
	return l.show(ctx)
}

// stopped makes an interrupted start a clean stop: the person asked for it.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// clients connects as several identities of the home folder.
func (j *devJob) clients(p *rpc.Profile, names ...string) (map[string]*rpc.Client, func(), error) {
	out := map[string]*rpc.Client{}
	closeAll := func() {
		for _, c := range out {
			c.Close()
		}
	}
	for _, name := range names {
		key, err := rpc.Keys(j.home).Load(name)
		if err == nil {
			out[name], err = rpc.New(rpc.Config{Chain: p.Chain, Masters: p.Masters, Key: key})
		}
		if err != nil {
			delete(out, name)
			closeAll()
			return nil, nil, err
		}
	}
	return out, closeAll, nil
}

// waitLeader waits until the masters have chosen who orders.
func (j *devJob) waitLeader(ctx context.Context, c *rpc.Client, n running) error {
	ctx, cancel := context.WithTimeout(ctx, leaderPatience)
	defer cancel()
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, 500*time.Millisecond) {
		s, err := c.Status(ctx)
		if err == nil && s.Leader != "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return &exitError{code: exitTimeout, err: fmt.Errorf("the masters chose no leader within %v", leaderPatience),
				hint: "what they had to say is in " + filepath.Join(j.home, "log")}
		case err := <-n.Failed():
			return err
		case <-time.After(wait):
		}
	}
}

func (j *devJob) deploy(ctx context.Context, team devnet.Team) error {
	ctx, cancel := context.WithTimeout(ctx, leaderPatience)
	defer cancel()
	for _, c := range sensors.Contracts() {
		done, err := devnet.Deploy(ctx, team, devnet.Contract{Files: sensors.Files(), Dir: c.Dir, Phase: c.Phase, Pattern: c.Address})
		if err != nil {
			return err
		}
		if done {
			j.say("deployed contract %s for %s: published by author, approved by reviewer, deployed by operator", c.Name, c.Address)
		}
	}
	return nil
}
