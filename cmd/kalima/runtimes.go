package main

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
	"github.com/kalima-chain/kalima/runtimes/js"
	"github.com/kalima-chain/kalima/runtimes/starlark"
	"github.com/kalima-chain/kalima/runtimes/wasm"
	"github.com/kalima-chain/kalima/runtimes/worker"
)

// inWorkers are the engines that run in processes of their own, see runtimes/worker.
func inWorkers() map[string]func() host.Runtime {
	return map[string]func() host.Runtime{
		"js":       func() host.Runtime { return js.New() },
		"starlark": func() host.Runtime { return starlark.New() },
	}
}

// workerMain turns the process into a worker when it was started as one, and then does not
// return.
func workerMain() { worker.RunIfWorker(inWorkers(), wasm.CompileRole()) }

// runtimes is every engine of this program, by name.
type runtimes map[string]host.Runtime

// openRuntimes starts the engines. Compiled contracts are kept in a folder, sealed with a key
// that follows from the node's secret; without a folder they are compiled anew each time. The
// caller closes the engines when no contract runs any more.
func openRuntimes(folder string, secret []byte) (runtimes, error) {
	r := runtimes{}
	cfg := wasm.Config{CacheDir: folder}
	if len(secret) > 0 {
		var err error
		if cfg.CacheKey, err = hkdf.Key(sha256.New, secret, nil, "kalima/compiled-code/1", sha256.Size); err != nil {
			return nil, fmt.Errorf("derive the key of compiled contracts: %w", err)
		}
	}
	w, err := wasm.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("start the WASM engine: %w", err)
	}
	r["wasm"] = w
	for name := range inWorkers() {
		e, err := worker.New(worker.Config{Engine: name})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("start the %s engine: %w", name, err), r.Close())
		}
		r[name] = e
	}
	return r, nil
}

// languages returns the engine for each language of a manifest.
func (r runtimes) languages() map[string]host.Runtime {
	out := map[string]host.Runtime{}
	for _, l := range registry.Languages() {
		if e, ok := r[l.Runtime()]; ok {
			out[string(l)] = e
		}
	}
	return out
}

// Close ends the engines.
func (r runtimes) Close() error {
	var errs []error
	for _, e := range r {
		errs = append(errs, e.Close())
	}
	return errors.Join(errs...)
}
