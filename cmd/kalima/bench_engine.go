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
	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/registry"
	"github.com/kalima-chain/kalima/runtimes/js"
	"github.com/kalima-chain/kalima/runtimes/starlark"
	"github.com/kalima-chain/kalima/runtimes/wasm"
)

func (a *app) benchEngineCmd() *cobra.Command {
	var examples string
	var duration time.Duration
	var runs int
	cmd := &cobra.Command{
		Use:   "engine",
		Short: "measure a contract call in each language, and what metering costs",
		Long: `bench engine builds the contract of examples/counter in each language, which reads one
value and writes one, and calls it warm: isolated, metered, with its limits. Beside it
stands what the engine alone takes for the same contract: wazero, goja and Starlark
without gas, limits, or a process of their own. A language without its compiler on this
machine is reported as such.

  call       one call, the median; threshold: a larger contract, see examples/threshold
  plain      the engine alone, keeping one instance: calls see what the last one left
  new        the engine alone, with a new instance for each call
  metering   metered WASM against plain, geometric mean of eight kinds of kernel`,
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
	f.StringVar(&examples, "examples", "", "folder of counter and threshold (default: examples of the checkout around)")
	f.DurationVar(&duration, "duration", 2*time.Second, "how long to call each contract")
	f.IntVar(&runs, "runs", 5, "runs of each kernel for metering_ratio; the fastest counts")
	return cmd
}

// findExamples looks for examples in the checkout around the current folder.
func findExamples() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		path := filepath.Join(d, "examples")
		if _, err := os.Stat(filepath.Join(path, "counter", "go", registry.ManifestFile)); err == nil {
			return path, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if filepath.Dir(d) == d {
			return "", &exitError{code: exitNotFound, err: fmt.Errorf("no examples/counter in %s or above", dir), hint: "run it in a checkout of Kalima, or name the folder with --examples"}
		}
	}
}

// benchEngineJSON has a number for each language that could be measured, and a reason for
// each that could not.
type benchEngineJSON struct {
	SchemaVersion int                    `json:"schemaVersion"`
	CallUS        map[string]float64     `json:"call_us"` // counter
	CallP99US     map[string]float64     `json:"call_p99_us"`
	PlainUS       map[string]float64     `json:"plain_us"`     // counter on the engine alone, one instance
	PlainNewUS    map[string]float64     `json:"plain_new_us"` // the same with a new instance each
	ThresholdUS   map[string]float64     `json:"threshold_us"`
	Gas           map[string]uint64      `json:"gas"` // of one call of counter; WASM: instructions by weight, scripts: steps
	ThresholdGas  map[string]uint64      `json:"threshold_gas"`
	InstanceBytes map[string]int         `json:"warm_instance_bytes"`
	InstanceUS    map[string]float64     `json:"new_instance_us"`
	TurnsPerS     map[string]float64     `json:"turns_of_100_calls_per_s"` // 100 different contracts, one after the other
	Compile       map[string]compileJSON `json:"compile"`
	Missing       map[string]string      `json:"missing"`
	MeteringRatio float64                `json:"metering_ratio"`
	Metering      []meteringJSON         `json:"metering"`
	bench.Machine
}

type meteringJSON struct {
	Kernel    string  `json:"kernel"`
	PlainUS   float64 `json:"plain_us"`
	MeteredUS float64 `json:"metered_us"`
	Ratio     float64 `json:"ratio"`
}

// compileJSON is what it takes to load a contract.
type compileJSON struct {
	ModuleBytes int     `json:"module_bytes"`
	CodeBytes   int     `json:"code_bytes"`
	MeterMS     float64 `json:"meter_ms"`
	InProcessMS float64 `json:"in_process_ms"`
	ChildMS     float64 `json:"child_ms"` // as nodes do
	CachedMS    float64 `json:"cached_ms"`
}

func ms(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
func us(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func (a *app) benchEngine(ctx context.Context, examples string, d time.Duration, runs int) error {
	out := benchEngineJSON{
		SchemaVersion: schemaVersion, CallUS: map[string]float64{}, CallP99US: map[string]float64{},
		PlainUS: map[string]float64{}, PlainNewUS: map[string]float64{}, ThresholdUS: map[string]float64{},
		Gas: map[string]uint64{}, ThresholdGas: map[string]uint64{}, InstanceBytes: map[string]int{}, InstanceUS: map[string]float64{},
		TurnsPerS: map[string]float64{}, Compile: map[string]compileJSON{}, Missing: map[string]string{},
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
		a.say("building and calling counter and threshold in %s", l)
		err := out.measureLanguage(ctx, examples, l, engines[l.Runtime()], d)
		var missing *toolchain.MissingError
		switch {
		case errors.As(err, &missing):
			out.Missing[string(l)] = missing.Toolchain.Problem()
		case err != nil:
			return fmt.Errorf("%s: %w", l, err)
		}
	}
	a.say("measuring what metering costs")
	costs, mean, err := wasm.MeasureMetering(ctx, runs)
	if err != nil {
		return fmt.Errorf("measure metering: %w", err)
	}
	out.MeteringRatio = mean
	for _, c := range costs {
		out.Metering = append(out.Metering, meteringJSON{c.Name, us(c.Plain), us(c.Metered), c.Ratio()})
	}
	if a.output == "json" {
		return a.printJSON(out)
	}
	a.showBenchEngine(&out)
	return nil
}

func (r *benchEngineJSON) measureLanguage(ctx context.Context, examples string, l registry.Language, rt host.Runtime, d time.Duration) error {
	name := string(l)
	counter, err := buildExample(ctx, filepath.Join(examples, "counter", name), l)
	if err != nil {
		return err
	}
	threshold, err := buildExample(ctx, filepath.Join(examples, "threshold", name), l)
	if err != nil {
		return err
	}
	call, err := bench.MeasureCalls(ctx, counter, rt, d)
	if err != nil {
		return err
	}
	r.CallUS[name], r.CallP99US[name], r.Gas[name] = call.US, call.P99, call.Gas
	if call, err = bench.MeasureCalls(ctx, threshold, rt, d/2); err != nil {
		return err
	}
	r.ThresholdUS[name], r.ThresholdGas[name] = call.US, call.Gas

	session, code := bench.NewCalls(counter.Manifest).Session, counter.Artefact
	const plainCalls = 3000
	switch l.Runtime() {
	case "js":
		p, err := js.MeasurePlain(string(code), plainCalls, session)
		if err != nil {
			return fmt.Errorf("plain goja: %w", err)
		}
		r.PlainUS[name], r.PlainNewUS[name] = us(p.Reused), us(p.Fresh)
	case "starlark":
		p, err := starlark.MeasurePlain(string(code), plainCalls, session)
		if err != nil {
			return fmt.Errorf("plain Starlark: %w", err)
		}
		r.PlainUS[name] = us(p)
	case "wasm":
		return r.measureWASM(ctx, name, code, d, session)
	}
	return nil
}

// measureWASM measures what only WASM has: instances and compiled code.
func (r *benchEngineJSON) measureWASM(ctx context.Context, name string, code []byte, d time.Duration, session func() *host.Session) error {
	p, err := wasm.MeasurePlain(ctx, code, 20_000, session)
	if err != nil {
		return fmt.Errorf("plain wazero: %w", err)
	}
	r.PlainUS[name], r.PlainNewUS[name] = us(p.Reused), us(p.Fresh)
	w, err := wasm.MeasureWarm(ctx, code, 20, session)
	if err != nil {
		return err
	}
	r.InstanceBytes[name], r.InstanceUS[name] = w.Memory, us(w.Make)
	c, err := wasm.MeasureCompile(ctx, code, 2)
	if err != nil {
		return err
	}
	r.Compile[name] = compileJSON{c.Module, c.Code, ms(c.Meter), ms(c.InProcess), ms(c.Child), ms(c.Cached)}
	if len(code) > 100<<10 {
		return nil // compiling a hundred Go contracts takes a minute
	}
	r.TurnsPerS[name], err = wasm.MeasureTurns(ctx, code, 100, d/2, session)
	return err
}

func buildExample(ctx context.Context, dir string, l registry.Language) (*registry.Bundle, error) {
	p, err := toolchain.Load(dir)
	if err != nil {
		return nil, err
	}
	sdk, err := contractssdk.Files(string(l))
	if err != nil {
		return nil, err
	}
	return toolchain.Build(ctx, p, sdk, io.Discard)
}

func (a *app) showBenchEngine(r *benchEngineJSON) {
	w := a.stdout
	micro := func(m map[string]float64, name string) string {
		if v, ok := m[name]; ok {
			return fmt.Sprintf("%.1f us", v)
		}
		return "-"
	}
	rows := [][]string{{"LANGUAGE", "CALL", "P99", "PLAIN", "NEW", "GAS", "THRESHOLD"}}
	wasms := [][]string{{"LANGUAGE", "INSTANCE", "MAKING", "COMPILING", "FROM CACHE", "100 IN TURN"}}
	for _, l := range registry.Languages() {
		name := string(l)
		if why, ok := r.Missing[name]; ok {
			rows = append(rows, []string{name, "not measured: " + why})
			continue
		}
		rows = append(rows, []string{name, micro(r.CallUS, name), micro(r.CallP99US, name), micro(r.PlainUS, name), micro(r.PlainNewUS, name), thousands(r.Gas[name]), micro(r.ThresholdUS, name)})
		c, ok := r.Compile[name]
		if !ok {
			continue
		}
		turns := "-"
		if n, ok := r.TurnsPerS[name]; ok {
			turns = thousands(int64(n)) + " calls/s"
		}
		wasms = append(wasms, []string{name, fmt.Sprintf("%d KiB", r.InstanceBytes[name]>>10), micro(r.InstanceUS, name), fmt.Sprintf("%.0f ms", c.ChildMS), fmt.Sprintf("%.1f ms", c.CachedMS), turns})
	}
	table(w, rows)
	if len(wasms) > 1 {
		fmt.Fprintln(w)
		table(w, wasms)
	}
	fmt.Fprintf(w, "\nmetering  %.2fx of plain WASM, geometric mean of:\n         ", r.MeteringRatio)
	for _, m := range r.Metering {
		fmt.Fprintf(w, " %s %.2f", m.Kernel, m.Ratio)
	}
	fmt.Fprintf(w, "\nthis machine: %d cores, load %.2f before, Ed25519 verify %.0f us\n", r.Cores, r.Load1, r.Ed25519VerifyUS)
}
