package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/cmd/kalima/internal/bench"
	contractssdk "github.com/kalima-chain/kalima/contracts-sdk"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/registry"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

func (a *app) benchEngineCmd() *cobra.Command {
	var examples string
	var duration time.Duration
	var runs int
	cmd := &cobra.Command{
		Use:   "engine",
		Short: "measure a contract call in each language, and what metering costs",
		Long: `bench engine builds the threshold contract of examples/threshold in each language and
calls it warm: isolated, metered, with its reads and writes. A language without its
compiler on this machine is reported as such.

  call_us         median of one call, microseconds
  metering_ratio  metered WASM against plain, geometric mean of eight kinds of kernel`,
		Example: `  kalima bench engine
  kalima bench engine --duration 5s -o json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if duration < 100*time.Millisecond || duration > time.Hour || runs < 1 || runs > 1000 {
				return invalid(fmt.Errorf("--duration %v --runs %d: want 100ms to 1h, and 1 to 1000", duration, runs))
			}
			if examples == "" {
				var err error
				if examples, err = findExamples(); err != nil {
					return err
				}
			}
			return a.benchEngine(cmd.Context(), examples, duration, runs)
		},
	}
	f := cmd.Flags()
	f.StringVar(&examples, "examples", "", "folder with the contract in each language (default: examples/threshold of the checkout around)")
	f.DurationVar(&duration, "duration", 2*time.Second, "how long to call each contract")
	f.IntVar(&runs, "runs", 5, "runs of each kernel for metering_ratio; the fastest counts")
	return cmd
}

// findExamples looks for examples/threshold in the checkout around the current folder.
func findExamples() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		path := filepath.Join(d, "examples", "threshold")
		if _, err := os.Stat(filepath.Join(path, "go", registry.ManifestFile)); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if filepath.Dir(d) == d {
			return "", &exitError{code: exitNotFound, err: fmt.Errorf("no examples/threshold in %s or above", dir), hint: "run it in a checkout of Kalima, or name the folder with --examples"}
		}
	}
}

// benchEngineJSON has a number for each language that could be measured, and a reason for
// each that could not.
type benchEngineJSON struct {
	SchemaVersion int                `json:"schemaVersion"`
	CallUS        map[string]float64 `json:"call_us"`
	CallP99US     map[string]float64 `json:"call_p99_us"`
	Gas           map[string]uint64  `json:"gas"` // of one call; WASM: instructions by weight, scripts: steps
	Missing       map[string]string  `json:"missing"`
	MeteringRatio float64            `json:"metering_ratio"`
	Metering      []meteringJSON     `json:"metering"`
	bench.Machine
}

type meteringJSON struct {
	Kernel    string  `json:"kernel"`
	PlainUS   float64 `json:"plain_us"`
	MeteredUS float64 `json:"metered_us"`
	Ratio     float64 `json:"ratio"`
}

func (a *app) benchEngine(ctx context.Context, examples string, d time.Duration, runs int) error {
	out := benchEngineJSON{
		SchemaVersion: schemaVersion, CallUS: map[string]float64{}, CallP99US: map[string]float64{}, Gas: map[string]uint64{}, Missing: map[string]string{},
	}
	var err error
	if out.Machine, err = bench.MeasureMachine(os.TempDir()); err != nil {
		return err
	}
	engines, err := openRuntimes("", nil)
	if err != nil {
		return err
	}
	defer engines.Close()
	for _, l := range registry.Languages() {
		name := string(l)
		a.say("building and calling threshold in %s", name)
		call, err := measureLanguage(ctx, filepath.Join(examples, name), l, engines, d)
		var missing *toolchain.MissingError
		switch {
		case errors.As(err, &missing):
			out.Missing[name] = missing.Toolchain.Problem()
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		}
		out.CallUS[name], out.CallP99US[name], out.Gas[name] = call.US, call.P99, call.Gas
	}
	a.say("measuring what metering costs")
	costs, mean, err := wasm.MeasureMetering(ctx, runs)
	if err != nil {
		return fmt.Errorf("measure metering: %w", err)
	}
	out.MeteringRatio = mean
	for _, c := range costs {
		out.Metering = append(out.Metering, meteringJSON{c.Name, float64(c.Plain.Nanoseconds()) / 1000, float64(c.Metered.Nanoseconds()) / 1000, c.Ratio()})
	}
	if a.output == "json" {
		return a.printJSON(out)
	}
	a.showBenchEngine(&out)
	return nil
}

func measureLanguage(ctx context.Context, dir string, l registry.Language, engines runtimes, d time.Duration) (bench.Call, error) {
	p, err := toolchain.Load(dir)
	if err != nil {
		return bench.Call{}, err
	}
	sdk, err := contractssdk.Files(string(l))
	if err != nil {
		return bench.Call{}, err
	}
	b, err := toolchain.Build(ctx, p, sdk, io.Discard)
	if err != nil {
		return bench.Call{}, err
	}
	return bench.MeasureCalls(ctx, b, engines[l.Runtime()], d)
}

func (a *app) showBenchEngine(r *benchEngineJSON) {
	w := a.stdout
	rows := [][]string{{"LANGUAGE", "CALL", "P99", "GAS"}}
	for _, l := range registry.Languages() {
		name := string(l)
		if why, ok := r.Missing[name]; ok {
			rows = append(rows, []string{name, "not measured: " + why})
			continue
		}
		rows = append(rows, []string{name, fmt.Sprintf("%.1f us", r.CallUS[name]), fmt.Sprintf("%.1f us", r.CallP99US[name]), thousands(r.Gas[name])})
	}
	table(w, rows)
	fmt.Fprintf(w, "metering  %.2fx of plain WASM, geometric mean of", r.MeteringRatio)
	for _, m := range r.Metering {
		fmt.Fprintf(w, " %s %.2f", m.Kernel, m.Ratio)
	}
	fmt.Fprintf(w, "\nthis machine: %d cores, load %.2f before, Ed25519 verify %.0f us\n", r.Cores, r.Load1, r.Ed25519VerifyUS)
}
