package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/chain"
	"github.com/kalima-chain/kalima/chain/policy"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/devnet"
	contractssdk "github.com/kalima-chain/kalima/contracts-sdk"
	"github.com/kalima-chain/kalima/devsecops/toolchain"
	"github.com/kalima-chain/kalima/node/rpc"
)

// realPatience bounds the whole run: it makes 300,000 contract calls, perhaps beside other tests.
const realPatience = 8 * time.Minute

var realLanguages = []string{"c", "go", "rust", "js", "starlark"}

// turns is which language gets the next file: calls of scripts cost more than those of WASM.
var turns = []string{"c", "go", "rust", "js", "c", "go", "rust", "starlark"}

// sameFile goes through all five languages, every other file through one.
const sameFile = "skab/other/11.csv"

// Every file of two public sets of sensor data, through `kalima ingest` into five masters,
// under the threshold contract of five languages. Then the files, the ledger, the state of
// the contracts, all masters and a client that comes late must say the same.
func TestIngestRealData(t *testing.T) {
	files := readDataSets(t)
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	defer cancel()
	stage := stopwatch(t)
	r := startReal(t, ctx)
	for _, language := range realLanguages {
		r.deploy(ctx, language)
	}
	stage("five masters run, five contracts are built and deployed")

	wants := r.ingest(ctx, files)
	rows, values := 0, 0
	for _, w := range wants {
		rows += w.rows
		values += w.rows * len(w.columns)
	}
	stage("%d files to %d addresses: %d rows, %d values", len(files), len(wants), rows, values)
	head := r.settle(ctx)

	ledger := r.readLedger(ctx, head.Height)
	ledger.compareFiles(t, wants)
	r.compareHistory(ctx, wants)
	stage("ledger and history hold every value of the files in order, in %d blocks", head.Height+1)
	state := r.masters[0].Master.Machine().Copy()
	ledger.compareContracts(t, state, wants)
	compareLanguages(t, state, ledger.alarms)
	if ledger.raised == 0 || ledger.cleared == 0 {
		t.Errorf("%d alarms raised and %d cleared, want some of both", ledger.raised, ledger.cleared)
	}
	stage("the contracts' state is right; %d alarms raised, %d cleared", ledger.raised, ledger.cleared)

	r.verify()
	stage("verify is clean on %d masters", len(r.masters))
	keys := r.compareLate(ctx, head.Height, wants)
	stage("a client started late has the %d keys of every master", keys)
}

func stopwatch(t *testing.T) func(format string, args ...any) {
	last := time.Now()
	return func(format string, args ...any) {
		t.Logf("%5.1f s  %s", time.Since(last).Seconds(), fmt.Sprintf(format, args...))
		last = time.Now()
	}
}

// dataFile is one file as this test reads it, without the program's own reader.
type dataFile struct {
	path, set, name string
	columns         map[string][]string // without the first, which is the time
	rows            int
}

// want is a file at the address it was brought to.
type want struct {
	*dataFile
	language string
	address  abi.Address
}

func readDataSets(t *testing.T) (files []*dataFile) {
	data, err := filepath.Abs("../../../shared/data")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(data); errors.Is(err, fs.ErrNotExist) {
		t.Skip("no data sets beside the checkout: ../shared/data/skab and ../shared/data/nab")
	}
	for _, pattern := range []string{"skab/*.csv", "skab/*/*.csv", "nab/*.csv"} {
		paths, err := filepath.Glob(filepath.Join(data, filepath.FromSlash(pattern)))
		if err != nil || len(paths) == 0 {
			t.Fatalf("files %s beside the checkout: %d, %v, want some", pattern, len(paths), err)
		}
		for _, path := range paths {
			files = append(files, readDataFile(t, path, strings.Split(pattern, "/")[0]))
		}
	}
	return files
}

func readDataFile(t *testing.T, path, set string) *dataFile {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := csv.NewReader(f)
	if set == "skab" {
		in.Comma = ';'
	}
	lines, err := in.ReadAll()
	if err != nil || len(lines) < 2 {
		t.Fatalf("read %s: %d lines, %v", path, len(lines), err)
	}
	d := &dataFile{path: path, set: set, name: strings.TrimSuffix(filepath.Base(path), ".csv"), columns: map[string][]string{}, rows: len(lines) - 1}
	for i, column := range lines[0][1:] {
		for _, line := range lines[1:] {
			d.columns[column] = append(d.columns[column], line[i+1])
		}
	}
	return d
}

// realChain is five masters in this process, and a client node that does not run yet.
type realChain struct {
	t        *testing.T
	home     string
	engines  runtimes
	masters  []*devnet.Running
	late     *devnet.Node
	team     devnet.Team
	operator *rpc.Client
}

func startReal(t *testing.T, ctx context.Context) *realChain {
	t.Helper()
	r := &realChain{t: t, home: t.TempDir()}
	all := []abi.Pattern{"/**"}
	err := devnet.Create(r.home, devnet.Options{
		Name: "real", Masters: 5, Members: devMembers(), As: "operator",
		Edge: &devnet.Member{Name: "late", Roles: []string{policy.Client}, Sub: all},
	})
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := devnet.Nodes(r.home)
	if err != nil || len(nodes) != 6 {
		t.Fatalf("Nodes = %d nodes, %v, want 5 masters and a client", len(nodes), err)
	}
	r.late = nodes[5]
	if r.engines, err = openRuntimes("", nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.engines.Close() })
	local, err := devnet.StartAll(ctx, nodes[:5], r.engines.languages(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := local.Close(); err != nil {
			t.Errorf("stop the masters: %v", err)
		}
	})
	r.masters = local.Nodes
	p, err := rpc.ReadProfile(r.home)
	if err != nil {
		t.Fatal(err)
	}
	client := func(name string) *rpc.Client {
		key, err := rpc.Keys(r.home).Load(name)
		if err != nil {
			t.Fatal(err)
		}
		c, err := rpc.New(rpc.Config{Chain: p.Chain, Masters: p.Masters, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	r.operator = client("operator")
	r.team = devnet.Team{Author: client("author"), Reviewer: client("reviewer"), Operator: r.operator}
	return r
}

// kalima runs the program and returns what it says for programs.
func (r *realChain) kalima(args ...string) (stdout []byte, err error) {
	var out, talk bytes.Buffer
	args = append(args, "--home", r.home, "-o", "json", "--timeout", "60s")
	if code := run(args, strings.NewReader(""), &out, &talk); code != exitOK {
		return nil, fmt.Errorf("kalima %s exits with %d, want 0\nstdout: %s\nstderr: %s", strings.Join(args, " "), code, &out, &talk)
	}
	return out.Bytes(), nil
}

func instance(language string) string { return "threshold-" + language }

// deploy takes the contract of a language through the registry, to its own addresses.
func (r *realChain) deploy(ctx context.Context, language string) {
	r.t.Helper()
	p, err := toolchain.Load(filepath.Join("..", "..", "examples", "threshold", language))
	if err != nil {
		r.t.Fatal(err)
	}
	sdk, err := contractssdk.Files(language)
	if err != nil {
		r.t.Fatal(err)
	}
	project := fstest.MapFS{}
	for _, f := range p.Files {
		project[language+"/"+f.Path] = &fstest.MapFile{Data: f.Data}
	}
	for name, data := range sdk {
		project[language+"/"+name] = &fstest.MapFile{Data: data}
	}
	c := devnet.Contract{Files: project, Dir: language, Phase: abi.Validate, Pattern: abi.Pattern("/" + language + "/**")}
	if done, err := devnet.Deploy(ctx, r.team, c); err != nil || !done {
		r.t.Fatalf("Deploy(%s) = %v, %v, want true; missing compilers: go run ./cmd/kalima-contract doctor --fix", language, done, err)
	}
}

// ingest brings the files in, in turn to the addresses of each language, and sameFile to
// all: one run of the program for each language and set, side by side.
func (r *realChain) ingest(ctx context.Context, files []*dataFile) (wants []want) {
	r.t.Helper()
	batches := map[string][]string{} // by address template
	add := func(f *dataFile, language, folder string) {
		template := "/" + language + "/" + folder
		batches[template] = append(batches[template], f.path)
		wants = append(wants, want{f, language, abi.Address(template + "/" + f.name)})
	}
	for i, f := range files {
		if strings.HasSuffix(filepath.ToSlash(f.path), "/"+sameFile) {
			for _, language := range realLanguages {
				add(f, language, "same")
			}
			continue
		}
		add(f, turns[i%len(turns)], f.set)
	}
	for _, w := range wants {
		if w.set == "nab" {
			continue // the contract's own limits
		}
		if _, err := r.kalima("put", string(w.address), "_threshold", "235 225"); err != nil { // the voltage crosses them
			r.t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for template, paths := range batches {
		wg.Go(func() {
			args := append([]string{"ingest"}, paths...)
			args = append(args, "--address", template+"/{name}", "--time-column", "datetime", "--separator", ";")
			if strings.HasSuffix(template, "/nab") {
				args = append(args, "--time-column", "timestamp", "--separator", ",") // the last one counts
			}
			out, err := r.kalima(args...)
			var sum ingestJSON
			if err == nil {
				err = json.Unmarshal(out, &sum)
			}
			if err != nil {
				r.t.Errorf("ingest to %s: %v", template, err)
				return
			}
			if !sum.Complete || sum.Rejects+sum.Empty != 0 || len(sum.Files) != len(paths) {
				r.t.Errorf("ingest to %s = %+v, want every row of %d files", template, sum, len(paths))
			}
			for _, f := range sum.Files {
				i := slices.IndexFunc(wants, func(w want) bool { return w.address == f.Address && w.path == f.File })
				if i < 0 || f.Total.Rows != int64(wants[i].rows) || f.Total.Values != int64(wants[i].rows*len(wants[i].columns)) {
					r.t.Errorf("ingest of %s to %s: %+v, want the file's rows at the address of its name", f.File, f.Address, f.Total)
				}
			}
		})
	}
	wg.Wait()
	if r.t.Failed() {
		r.t.FailNow()
	}
	return wants
}

// settle waits until every master has every block.
func (r *realChain) settle(ctx context.Context) chain.Head {
	r.t.Helper()
	var head chain.Head
	for _, m := range r.masters {
		if h := m.Master.Machine().Head(); h.Height >= head.Height {
			head = h
		}
	}
	for _, m := range r.masters {
		if err := m.Master.Machine().Await(ctx, head.Height); err != nil {
			r.t.Fatalf("%s does not reach block %d: %v", m.Node.Name, head.Height, err)
		}
	}
	return head
}
