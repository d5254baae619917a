package toolchain

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// c compiles every .c file of the project and the SDK's into one module.
//
// The flags that make equal bytes: no debug information, paths as below /src, no date
// macros, names stripped. The stack lies below the data, so that overflowing it traps and
// does not overwrite variables.
func (b *builder) c(ctx context.Context) error {
	files := b.project.own(".c")
	if len(files) == 0 {
		return fmt.Errorf("%w: it lists no .c file", ErrSource)
	}
	names := []string{"-g0", "-Wl,--strip-all"}
	if b.debug {
		names = []string{"-gline-tables-only"}
	}
	args := append([]string{
		"--target=wasm32-wasi", "-mexec-model=reactor", "-std=c11", "-O2", "-mbulk-memory", "-Wall", "-Qunused-arguments",
		"-ffile-prefix-map=" + b.src + "=/src", "-Werror=date-time",
		"-I.", "-I" + SDKFolder, "--ld-path=" + b.tools.path("wasm-ld"),
		"-Wl,--stack-first", "-o", filepath.Join(b.out, artefactFile),
	}, names...)
	return b.run(ctx, b.tools.path("clang"), nil, append(append(args, files...), SDKFolder+"/kalima.c")...)
}

// golang compiles the package at the project's root as a reactor. It uses nothing of the
// network, of the user's settings or of another toolchain.
func (b *builder) golang(ctx context.Context) error {
	env := []string{
		"GOOS=wasip1", "GOARCH=wasm", "GOWASM=", "CGO_ENABLED=0", "GOENV=off", "GOFLAGS=", "GOWORK=off",
		"GOTOOLCHAIN=local", "GOPROXY=off", "GOEXPERIMENT=", "GO111MODULE=on",
	}
	env = append(env, keepEnv("GOCACHE", "GOMODCACHE", "GOPATH", "GOROOT")...)
	link := "-ldflags=-s -w -buildid="
	if b.debug {
		link = "-ldflags=-buildid="
	}
	return b.run(ctx, b.tools.path("go"), env,
		"build", "-buildmode=c-shared", "-trimpath", "-buildvcs=false", link,
		"-o", filepath.Join(b.out, artefactFile), ".")
}

// rust compiles the SDK and then the contract with rustc itself: there is nothing for cargo
// to resolve, and the rustc that cargo would take is often one without the target.
func (b *builder) rust(ctx context.Context) error {
	root := "src/lib.rs"
	if !b.project.has(root) {
		var err error
		if root, err = b.project.single(".rs"); err != nil {
			return err
		}
	}
	common := []string{
		"--edition=2021", "--target=" + rustTarget, "-Copt-level=s", "-Ctarget-feature=+bulk-memory", "-Cpanic=abort", "-Ccodegen-units=1",
		"-Cembed-bitcode=yes", "--remap-path-prefix=" + b.src + "=/src",
	}
	names := "-Cstrip=symbols"
	if b.debug {
		names = "-Cdebuginfo=1" // lines
		common = append(common, names)
	}
	sdk := append(slices.Clone(common), "--crate-name=kalima_contract", "--crate-type=rlib", "--cap-lints=allow", "--out-dir="+b.out)
	if !noStd(b.project.read(root)) {
		sdk = append(sdk, "--cfg", `feature="std"`)
	}
	rustc := b.tools.path("rustc")
	if err := b.run(ctx, rustc, nil, append(sdk, SDKFolder+"/src/lib.rs")...); err != nil {
		return err
	}
	contract := append(slices.Clone(common),
		"--crate-name="+strings.ReplaceAll(b.project.Manifest.Name, "-", "_"), "--crate-type=cdylib",
		"-Clto", names, "-Clinker="+b.tools.path("wasm-ld"), "-Clinker-flavor=wasm-ld",
		"--extern=kalima_contract="+filepath.Join(b.out, "libkalima_contract.rlib"),
		"-o", filepath.Join(b.out, artefactFile), root)
	return b.run(ctx, rustc, nil, contract...)
}

// noStd reports whether a crate does without the standard library. Then the SDK provides
// the panic handler.
func noStd(text string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "#![no_std]") {
			return true
		}
	}
	return false
}
