package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// builtinsPackage stands for the package of compiler-rt, whose name has clang's version.
const builtinsPackage = "libclang-rt-dev-wasm32"

// ErrCannotInstall means that Fix may not or can not install packages here.
var ErrCannotInstall = errors.New("can not install packages here")

// Missing returns the Debian packages that the toolchains lack.
func Missing(all []*Toolchain) []string {
	var packages []string
	for _, t := range all {
		if !t.OK() {
			packages = append(packages, t.Packages...)
		}
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

// Fix installs packages with apt-get and shows its talk on log. It needs Debian or one of
// its kin, and root; the error wraps ErrCannotInstall when it lacks either.
func Fix(ctx context.Context, packages []string, log io.Writer) error {
	if len(packages) == 0 {
		return nil
	}
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return fmt.Errorf("install %s: %w: no apt-get", strings.Join(packages, " "), ErrCannotInstall)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("install %s: %w: not root", strings.Join(packages, " "), ErrCannotInstall)
	}
	run := func(args ...string) error {
		cmd := exec.CommandContext(ctx, apt, args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
		}
		return nil
	}
	if err := run("update", "-q"); err != nil {
		return err
	}
	policy, err := output(ctx, "apt-cache", "policy", "clang")
	if err != nil {
		return err
	}
	named, err := NamePackages(packages, policy)
	if err != nil {
		return err
	}
	return run(append([]string{"install", "-y", "-q", "--no-install-recommends"}, named...)...)
}

var clangCandidate = regexp.MustCompile(`Candidate: (?:\d+:)?(\d+)`)

// NamePackages replaces names that depend on clang's version. Policy is what "apt-cache
// policy clang" says.
func NamePackages(packages []string, policy string) ([]string, error) {
	named := slices.Clone(packages)
	for i, p := range named {
		if p != builtinsPackage {
			continue
		}
		m := clangCandidate.FindStringSubmatch(policy)
		if m == nil {
			return nil, errors.New("install packages: apt knows no clang")
		}
		named[i] = "libclang-rt-" + m[1] + "-dev-wasm32"
	}
	return named, nil
}
