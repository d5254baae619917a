// Package devnet is a whole chain in one folder: the keys, the genesis document, a
// folder for each node and the profile that leads a client to them.
//
//	profile.json            how to reach the chain
//	keys/NAME.key           identities to act as
//	genesis.cbor            the document the chain begins with
//	nodes/NAME/node.json    what the node is
//	nodes/NAME/node.key     its identity
//	nodes/NAME/storage.hex  the key that its files are encrypted with
//	nodes/NAME/data/        blocks, state, log
//	ingest/                 how far `kalima ingest` got with each file
//	log/                    what the nodes had to say
//	lock                    held while the chain runs
package devnet

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/node/keyring"
	"github.com/kalima-chain/kalima/node/rpc"
)

// Limits of what Create makes.
const (
	MaxMasters = 9 // more would not vote faster; the genesis block holds 16 KiB
	nodeFile   = "node.json"
)

// Member is an identity that the chain begins with.
type Member struct {
	Name  string
	Roles []string
	Pub   []abi.Pattern
	Sub   []abi.Pattern
}

// Options says what Create makes.
type Options struct {
	Name    string // of the chain
	Masters int
	Members []Member // each with a key in keys/
	As      string   // the member to act as by default
	Edge    *Member  // an edge client node that follows its Sub patterns; nil for none
	Plain   bool     // nothing is encrypted on disk
}

// Node is what one node is, as node.json has it.
type Node struct {
	Name     string           `json:"name"`
	Role     string           `json:"role"` // master or client
	Listen   string           `json:"listen,omitempty"`
	Plain    bool             `json:"plain,omitempty"`
	Chain    abi.Digest       `json:"chain"`
	Masters  []rpc.MasterInfo `json:"masters,omitempty"`  // client: whom to follow
	Patterns []abi.Pattern    `json:"patterns,omitempty"` // client: what to follow

	Dir     string             `json:"-"`
	Key     ed25519.PrivateKey `json:"-"`
	Storage []byte             `json:"-"`
	Genesis []byte             `json:"-"` // master
}

// Data is the folder of the node's own files.
func (n *Node) Data() string { return filepath.Join(n.Dir, "data") }

// Roles of a node.
const (
	Master = "master"
	Client = "client"
)

// Exists reports whether a folder holds a chain.
func Exists(home string) bool {
	_, err := rpc.ReadProfile(home)
	return !errors.Is(err, rpc.ErrNoProfile)
}

// Create makes a chain in a folder that has none. The profile is written last: a folder
// without one is not a chain, and what an earlier Create left there is taken away first.
func Create(home string, o Options) error {
	if o.Masters < 1 || o.Masters > MaxMasters {
		return fmt.Errorf("%d masters, want 1 to %d", o.Masters, MaxMasters)
	}
	if err := clean(home); err != nil {
		return err
	}
	ports, err := freePorts(o.Masters)
	if err != nil {
		return err
	}
	g := chain.Genesis{Name: o.Name, Time: abi.Time(time.Now().UnixMicro()), Nonce: make([]byte, 16)}
	rand.Read(g.Nonce)
	p := &rpc.Profile{Name: o.Name, As: o.As}
	for i, port := range ports {
		name := fmt.Sprintf("master-%d", i+1)
		key, err := keyring.Open(nodeDir(home, name)).Create("node")
		if err != nil {
			return err
		}
		m := rpc.MasterInfo{Name: name, Identity: keyring.Identity(key), Address: fmt.Sprintf("127.0.0.1:%d", port)}
		p.Masters = append(p.Masters, m)
		g.Records = append(g.Records,
			policy.Record(policy.Identities, m.Identity, policy.Identity{Name: name, Roles: []string{policy.Master}}),
			policy.Record(policy.Masters, m.Identity, policy.MasterNode{Name: name, Address: m.Address}))
	}
	join := func(key ed25519.PrivateKey, m *Member) {
		id := keyring.Identity(key)
		g.Records = append(g.Records, policy.Record(policy.Identities, id, policy.Identity{Name: m.Name, Roles: append([]string{}, m.Roles...)}))
		if len(m.Pub)+len(m.Sub) > 0 {
			g.Records = append(g.Records, policy.Record(policy.Grants, id, policy.Grant{Pub: m.Pub, Sub: m.Sub}))
		}
	}
	for i := range o.Members {
		key, err := rpc.Keys(home).Create(o.Members[i].Name)
		if err != nil {
			return err
		}
		join(key, &o.Members[i])
	}
	if o.Edge != nil {
		key, err := keyring.Open(nodeDir(home, o.Edge.Name)).Create("node")
		if err != nil {
			return err
		}
		join(key, o.Edge)
	}
	b, err := g.Block()
	if err != nil {
		return err
	}
	p.Chain = b.Header.Chain
	if err := os.WriteFile(filepath.Join(home, "genesis.cbor"), g.Encode(), 0o644); err != nil {
		return fmt.Errorf("write genesis: %w", err)
	}
	for _, m := range p.Masters {
		n := Node{Name: m.Name, Role: Master, Listen: m.Address, Plain: o.Plain, Chain: p.Chain}
		if err := n.write(nodeDir(home, m.Name)); err != nil {
			return err
		}
	}
	if o.Edge != nil {
		n := Node{Name: o.Edge.Name, Role: Client, Plain: o.Plain, Chain: p.Chain, Masters: p.Masters, Patterns: o.Edge.Sub}
		if err := n.write(nodeDir(home, n.Name)); err != nil {
			return err
		}
	}
	return p.Write(home)
}

// clean takes away what a Create that did not finish left behind, and refuses a folder
// with anything else in it.
func clean(home string) error {
	entries, err := os.ReadDir(home)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(home, 0o700)
	}
	if err != nil {
		return fmt.Errorf("make folder %s: %w", home, err)
	}
	ours := map[string]bool{"keys": true, "nodes": true, "genesis.cbor": true, "profile.json.new": true, "lock": true, "log": true}
	for _, e := range entries {
		if !ours[e.Name()] {
			return fmt.Errorf("folder %s is not empty (%s) and holds no chain: choose another", home, e.Name())
		}
	}
	for _, name := range []string{"keys", "nodes", "genesis.cbor", "profile.json.new"} {
		if err := os.RemoveAll(filepath.Join(home, name)); err != nil {
			return fmt.Errorf("clean %s: %w", home, err)
		}
	}
	return nil
}

func nodeDir(home, name string) string { return filepath.Join(home, "nodes", name) }

// freePorts finds UDP ports that nobody uses now.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer c.Close() // only when all are found, so that none is found twice
		ports = append(ports, c.LocalAddr().(*net.UDPAddr).Port)
	}
	return ports, nil
}

// sealed reports whether the node encrypts what it stores. A client always does.
func (n *Node) sealed() bool { return !n.Plain || n.Role == Client }

func (n *Node) write(dir string) error {
	b, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	if n.sealed() {
		if _, err := keyring.StorageKey(filepath.Join(dir, "storage.hex")); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, nodeFile), append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", n.Name, err)
	}
	return nil
}

// ReadNode reads a node's folder.
func ReadNode(dir string) (*Node, error) {
	f, err := os.Open(filepath.Join(dir, nodeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not the folder of a node: it has no %s: %w", dir, nodeFile, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	n := &Node{Dir: dir}
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	if err := d.Decode(n); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Name(), err)
	}
	if n.Key, err = keyring.Open(dir).Load("node"); err != nil {
		return nil, err
	}
	if n.sealed() {
		path := filepath.Join(dir, "storage.hex")
		if _, err := os.Stat(path); err != nil { // a new key could not open the old files
			return nil, fmt.Errorf("storage key of %s: %w", n.Name, err)
		}
		if n.Storage, err = keyring.StorageKey(path); err != nil {
			return nil, err
		}
	}
	switch n.Role {
	case Master:
		if n.Genesis, err = os.ReadFile(filepath.Join(dir, "..", "..", "genesis.cbor")); err != nil {
			return nil, fmt.Errorf("read genesis: %w", err)
		}
	case Client:
	default:
		return nil, fmt.Errorf("read %s: role %q is not master or client", f.Name(), n.Role)
	}
	return n, nil
}

// Nodes reads every node of a chain: masters first, in the order of the profile.
func Nodes(home string) ([]*Node, error) {
	p, err := rpc.ReadProfile(home)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(home, "nodes"))
	if err != nil {
		return nil, err
	}
	var names, clients []string
	for _, m := range p.Masters {
		names = append(names, m.Name)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), "master-") {
			clients = append(clients, e.Name())
		}
	}
	var out []*Node
	for _, name := range append(names, clients...) {
		n, err := ReadNode(nodeDir(home, name))
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}
