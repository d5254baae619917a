package devnet

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/node/rpc"
	"github.com/kalima-chain/kalima/registry"
)

// Contract is a contract to deploy: its project, and where it is to run.
type Contract struct {
	Files   fs.FS  // holds Dir
	Dir     string // folder with the manifest
	Phase   abi.Phase
	Pattern abi.Pattern
}

// Team is who takes a contract through the registry: nobody does it alone.
type Team struct {
	Author, Reviewer, Operator *rpc.Client
}

// Deploy builds a contract, publishes, approves and deploys it, by the same transactions
// as everybody else. What is there already stays: it returns false when nothing was to do.
func Deploy(ctx context.Context, team Team, c Contract) (bool, error) {
	b, encoded, err := build(ctx, c)
	if err != nil {
		return false, err
	}
	m := &b.Manifest
	digest := registry.DigestOf(encoded)
	fail := func(what string, err error) (bool, error) {
		return false, fmt.Errorf("%s contract %s %s: %w", what, m.Name, m.Version, err)
	}
	binding := m.Name + " " + c.Phase.String() + " " + string(c.Pattern)
	var bound registry.Binding
	if ok, err := read(ctx, team.Operator, registry.BindingsAddress, binding, &bound); err != nil {
		return fail("look for", err)
	} else if ok && registry.CompareVersions(bound.Version, m.Version) >= 0 {
		return false, nil
	}
	var rec registry.Record
	published, err := read(ctx, team.Operator, registry.VersionsAddress(m.Name), m.Version, &rec)
	if err != nil {
		return fail("look for", err)
	}
	if !published {
		if _, err := team.Author.PutBlob(ctx, encoded); err != nil {
			return fail("store", err)
		}
		if err := do(ctx, team.Author, registry.OpPublish, b.Publish(encoded)); err != nil {
			return fail("publish", err)
		}
	}
	if rec.Status != registry.StatusApproved {
		if err := do(ctx, team.Reviewer, registry.OpApprove, registry.Approve{Name: m.Name, Version: m.Version, Bundle: digest}); err != nil {
			return fail("approve", err)
		}
	}
	d := registry.Deploy{Name: m.Name, Version: m.Version, Bundle: digest, Phase: c.Phase.String(), Pattern: c.Pattern}
	if err := do(ctx, team.Operator, registry.OpDeploy, d); err != nil {
		return fail("deploy", err)
	}
	return true, nil
}

func build(ctx context.Context, c Contract) (*registry.Bundle, []byte, error) {
	p := &toolchain.Project{}
	err := fs.WalkDir(c.Files, c.Dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(c.Files, name)
		if err != nil {
			return err
		}
		if rel := name[len(c.Dir)+1:]; rel != path.Clean(rel) {
			return fmt.Errorf("%s is not a clean path", name)
		} else {
			p.Files = append(p.Files, registry.File{Path: rel, Data: data})
		}
		if path.Base(name) == registry.ManifestFile {
			p.Manifest, err = registry.ParseManifest(data)
		}
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read contract %s: %w", c.Dir, err)
	}
	b, err := toolchain.Build(ctx, p, nil, io.Discard)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := b.Encode()
	return b, encoded, err
}

// read reads a JSON record of the chain. It is false when there is none.
func read(ctx context.Context, c *rpc.Client, a abi.Address, key string, into any) (bool, error) {
	item, err := c.Get(ctx, a, key)
	if rpc.Code(err) == rpc.CodeNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, json.Unmarshal(item.Value, into)
}

// do submits a system operation, and makes a receipt that did nothing an error.
func do(ctx context.Context, c *rpc.Client, op string, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := c.Submit(ctx, chain.System(op, b))
	if err != nil {
		return err
	}
	if !r.Accepted() {
		return &abi.Fault{Code: r.Code, Reason: r.Reason, Message: r.Message}
	}
	return nil
}
