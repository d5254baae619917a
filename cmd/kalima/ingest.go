package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/ingest"
	"github.com/kalima-chain/kalima/cmd/kalima/internal/sensors"
	"github.com/kalima-chain/kalima/node/rpc"
)

const (
	maxShownRejects = 10 // the rest goes to --rejects
	maxParallel     = 16 // connections to one master are limited
)

func (a *app) ingestCmd() *cobra.Command {
	job := &ingestJob{app: a}
	var separator string
	cmd := &cobra.Command{
		Use:   "ingest FILE...",
		Short: "bring the rows of CSV and JSON lines files into the chain",
		Long: `ingest puts each row of a file into the chain: one key for each column, all of a row in
one transaction, whole or not at all. Rows keep their order.

The first line of a CSV file names the columns. JSON lines hold one object each. {name} in
--address stands for the file's name without its ending, so that each file gets an address
of its own; files of the same address go one after the other, others side by side.

Stopped or interrupted, the same command goes on where it ended, without a lost or a
doubled row: a state file in the home folder remembers how far each file got. A file is
known by its content.

A line that is broken, or that a contract refuses, is reported with its number and left
out; the others go in. Then the exit code is 7.`,
		Example: `  kalima ingest valve1/0.csv --address /plant/valve1 --time-column datetime
  kalima ingest skab/*/*.csv --address '/skab/{name}' --time-column datetime --separator ';'
  kalima ingest shipments.csv --address /shipments --key-column ID
  kalima ingest events.jsonl --address /events --time-column at --columns temperature,pressure`,
		Args: someArgs("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if separator != "" {
				r, err := ingest.ParseSeparator(separator)
				if err != nil {
					return invalid(err)
				}
				job.options.Separator = r
			}
			if job.address == "" {
				return usageError(cmd, errors.New("--address is missing: where should the rows go?"))
			}
			if job.batch < 0 || job.parallel < 1 || job.parallel > maxParallel {
				return invalid(fmt.Errorf("--batch %d --parallel %d: want at least 0, and 1 to %d", job.batch, job.parallel, maxParallel))
			}
			return job.run(cmd.Context(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&job.address, "address", "", "address to put the rows to; {name} stands for the file's name")
	f.StringVar(&job.options.TimeColumn, "time-column", "", "column that says when the row was measured")
	f.StringVar(&job.options.TimeFormat, "time-format", "auto", "auto, or s, ms or us for a number of Unix seconds, milli- or microseconds")
	f.StringVar(&separator, "separator", "", "between columns: one character, or tab (default: found from the first line)")
	f.StringVar(&job.options.Format, "format", "", "csv or jsonl (default: told by the first character)")
	f.StringSliceVar(&job.options.Columns, "columns", nil, "only these columns")
	f.StringVar(&job.options.KeyColumn, "key-column", "", "put each row as one JSON object under the key in this column")
	f.IntVar(&job.batch, "batch", 0, "rows in one transaction; 0 means as many as fit")
	f.IntVar(&job.parallel, "parallel", 4, "files of different addresses that go side by side")
	f.BoolVar(&job.restart, "restart", false, "forget how far the files got, and put every row again")
	f.StringVar(&job.rejects, "rejects", "", "write every rejected line, with its number and reason, to this file")
	return cmd
}

// ingestJob is one run of the verb.
type ingestJob struct {
	app      *app
	options  ingest.Options
	address  string
	batch    int
	parallel int
	restart  bool
	rejects  string

	files []*ingestFile
	start time.Time

	mu    sync.Mutex // guards what follows, and the states that senders move on
	shown int
	log   *bufio.Writer
	bar   *progress
}

// ingestFile is one file of the run.
type ingestFile struct {
	path    string
	address abi.Address
	size    int64
	f       *os.File
	state   *ingest.State
	reader  *ingest.Reader
	before  ingest.Total // what earlier runs brought in
	offset  int64        // where this run began
	total   ingest.Total // copy of the state's, guarded by mu
	at      ingest.Place // copy of the state's, guarded by mu
	err     error
}

func (j *ingestJob) run(ctx context.Context, paths []string) (err error) {
	a := j.app
	p, err := a.profile()
	if err != nil {
		return err
	}
	if err := j.open(p, paths); err != nil {
		return err
	}
	defer func() {
		for _, f := range j.files {
			f.f.Close()
		}
	}()
	c, err := a.dial(p, nil)
	if err != nil {
		return err
	}
	defer c.Close()
	if j.rejects != "" {
		f, err := os.Create(j.rejects)
		if err != nil {
			return invalid(fmt.Errorf("open --rejects: %w", err))
		}
		j.log = bufio.NewWriter(f)
		defer func() { err = errors.Join(err, j.log.Flush(), f.Close()) }()
	}
	if err := j.describe(); err != nil {
		return err
	}
	j.start = time.Now()
	j.bar = newProgress(a, func() string { return j.progress() })
	j.all(ctx, c)
	j.bar.stop()
	return j.finish(ctx)
}

// open opens every file and finds its state, before anything is sent.
func (j *ingestJob) open(p *rpc.Profile, paths []string) error {
	for _, path := range paths {
		base := filepath.Base(path)
		name := strings.TrimSuffix(base, filepath.Ext(base))
		address, err := abi.ParseAddress(strings.ReplaceAll(j.address, "{name}", sensors.Segment(name)))
		if err != nil {
			return invalid(err)
		}
		if _, err := target(string(address), "k"); err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return invalid(err)
		}
		file := &ingestFile{path: path, address: address, f: f}
		j.files = append(j.files, file)
		fi, err := f.Stat()
		if err != nil {
			return err
		}
		if !fi.Mode().IsRegular() {
			return invalid(fmt.Errorf("%s is not a file", path))
		}
		file.size = fi.Size()
		file.state, err = ingest.Load(filepath.Join(j.app.home, "ingest"), f, path, p.Chain, address, j.options)
		if err != nil {
			return err
		}
		if j.restart {
			if err := file.state.Restart(); err != nil {
				return err
			}
		}
		if file.reader, err = ingest.Open(f, j.options, file.state.Place); err != nil {
			return invalid(fmt.Errorf("%s: %w", path, err))
		}
		file.before, file.offset = file.state.Total, file.state.Offset
		file.total, file.at = file.state.Total, file.state.Place
	}
	return nil
}

func (j *ingestJob) describe() error {
	for _, f := range j.files {
		line := fmt.Sprintf("%s to %s: %s", f.path, f.address, f.reader.Describe())
		switch {
		case f.state.Done:
			line = fmt.Sprintf("%s to %s: done in an earlier run; --restart puts it again", f.path, f.address)
		case f.state.Line > 0:
			line += fmt.Sprintf("; goes on after line %s", thousands(f.state.Line))
		}
		j.app.say("%s", line)
	}
	if j.options.TimeColumn == "" {
		j.app.say("no --time-column: events carry the time of their block only")
	}
	return nil
}

// all sends the files: one goroutine for each address, --parallel of them at once.
func (j *ingestJob) all(ctx context.Context, c *rpc.Client) {
	var order []abi.Address
	byAddress := map[abi.Address][]*ingestFile{}
	for _, f := range j.files {
		if byAddress[f.address] == nil {
			order = append(order, f.address)
		}
		byAddress[f.address] = append(byAddress[f.address], f)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	slots := make(chan struct{}, j.parallel)
	var wg sync.WaitGroup
	for _, address := range order {
		slots <- struct{}{}
		wg.Add(1)
		go func() {
			defer func() { <-slots; wg.Done() }()
			for _, f := range byAddress[address] {
				if ctx.Err() != nil {
					f.err = ctx.Err()
					return
				}
				if f.err = j.one(ctx, c, f); f.err != nil {
					cancel() // what stops one file, such as a missing grant, would stop the others
					return
				}
			}
		}()
	}
	wg.Wait()
}

func (j *ingestJob) one(ctx context.Context, c *rpc.Client, f *ingestFile) error {
	if f.state.Done {
		return nil
	}
	s := &ingest.Sender{
		Chain: c, Reader: f.reader, State: f.state, Batch: j.batch, Submit: j.app.context,
		Rejected: func(r *ingest.Reject) { j.reject(f, r) },
		Progress: func() {
			j.mu.Lock()
			f.total, f.at = f.state.Total, f.state.Place
			j.mu.Unlock()
			j.bar.update()
		},
	}
	return s.Run(ctx)
}

func (j *ingestJob) reject(f *ingestFile, r *ingest.Reject) {
	line := fmt.Sprintf("%s:%d: %s", f.path, r.Line, printable(r.Reason))
	j.mu.Lock()
	if j.log != nil {
		fmt.Fprintln(j.log, line)
	}
	j.shown++
	shown := j.shown
	j.mu.Unlock() // before the bar's lock: drawing the bar asks for this one
	switch {
	case shown <= maxShownRejects:
		j.bar.print("left out " + line)
	case shown == maxShownRejects+1 && j.log == nil:
		j.bar.print("more lines are left out; --rejects FILE lists them all")
	}
}

// progress is the line that is redrawn on a terminal.
func (j *ingestJob) progress() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var done, size, begun, rows, rejects int64
	for _, f := range j.files {
		done, size, begun = done+f.at.Offset, size+f.size, begun+f.offset
		rows += f.total.Rows - f.before.Rows
		rejects += f.total.Rejects - f.before.Rejects
	}
	part := 0.0
	if size > 0 {
		part = float64(done) / float64(size)
	}
	took := time.Since(j.start)
	left := ""
	if done > begun && done < size && took > time.Second {
		left = "  " + time.Duration(float64(took)*float64(size-done)/float64(done-begun)).Round(time.Second).String() + " left"
	}
	const width = 24
	full := min(width, int(part*width))
	return fmt.Sprintf("[%s%s] %3.0f%%  %s  %s rows/s%s%s", strings.Repeat("#", full), strings.Repeat(".", width-full), 100*part,
		count(rows, "row"), thousands(int64(float64(rows)/took.Seconds())), left, map[bool]string{true: "  " + count(rejects, "reject")}[rejects > 0])
}

// ingestJSON is the summary for programs.
type ingestJSON struct {
	SchemaVersion int              `json:"schemaVersion"`
	Rows          int64            `json:"rows"` // of this run
	Values        int64            `json:"values"`
	Empty         int64            `json:"empty"`
	Rejects       int64            `json:"rejects"`
	Seconds       float64          `json:"seconds"`
	RowsPerSecond float64          `json:"rows_per_s"`
	Complete      bool             `json:"complete"`
	Files         []ingestFileJSON `json:"files"`
}

type ingestFileJSON struct {
	File    string       `json:"file"`
	Address abi.Address  `json:"address"`
	Total   ingest.Total `json:"total"` // of all runs
	Line    int64        `json:"line"`
	Done    bool         `json:"done"`
	Error   string       `json:"error,omitempty"`
}

func (j *ingestJob) finish(ctx context.Context) error {
	a, took := j.app, time.Since(j.start)
	out := ingestJSON{SchemaVersion: schemaVersion, Seconds: took.Seconds(), Complete: true}
	var failed error
	for _, f := range j.files {
		t, b := f.state.Total, f.before
		out.Rows += t.Rows - b.Rows
		out.Values += t.Values - b.Values
		out.Empty += t.Empty - b.Empty
		out.Rejects += t.Rejects - b.Rejects
		file := ingestFileJSON{File: f.path, Address: f.address, Total: t, Line: f.state.Line, Done: f.state.Done}
		out.Complete = out.Complete && f.state.Done
		if f.err != nil {
			file.Error = f.err.Error()
			if failed == nil || errors.Is(failed, context.Canceled) {
				failed = f.err
			}
		}
		out.Files = append(out.Files, file)
	}
	if s := took.Seconds(); s > 0 {
		out.RowsPerSecond = float64(out.Rows) / s
	}
	if a.output == "json" {
		if err := a.printJSON(out); err != nil {
			return err
		}
	} else {
		j.summary(&out)
	}
	switch {
	case ctx.Err() != nil:
		a.say("interrupted; the same command goes on from here")
		return ctx.Err()
	case failed != nil:
		a.say("stopped; the same command goes on from here")
		return failed
	case out.Rejects > 0:
		return &exitError{code: exitRefused, err: errors.New("lines rejected"), said: true}
	}
	return nil
}

func (j *ingestJob) summary(out *ingestJSON) {
	w := j.app.stdout
	if len(out.Files) > 1 {
		rows := [][]string{{"FILE", "ADDRESS", "ROWS", "VALUES", "REJECTS", ""}}
		for _, f := range out.Files {
			state := ""
			if !f.Done {
				state = fmt.Sprintf("stopped after line %s", thousands(f.Line))
			}
			rows = append(rows, []string{f.File, string(f.Address), thousands(f.Total.Rows), thousands(f.Total.Values), thousands(f.Total.Rejects), state})
		}
		table(w, rows)
	}
	line := fmt.Sprintf("%s, %s", count(out.Rows, "row"), count(out.Values, "value"))
	if out.Empty > 0 {
		line += fmt.Sprintf(", %s left out", count(out.Empty, "empty field"))
	}
	line += fmt.Sprintf(", %s; %.1f s, %s rows/s", count(out.Rejects, "reject"), out.Seconds, thousands(int64(out.RowsPerSecond)))
	fmt.Fprintln(w, line)
}
