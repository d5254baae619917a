package wasm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/kalima-chain/kalima/runtimes/worker"
)

const compileRole = "compile"

// CompileRole is the compiler's part for worker.RunIfWorker. A program that has it compiles
// contracts in children, with Config.CompileTime and Config.CompileMemory as their budget;
// one that has not compiles in its own process, with nothing but meter.Limits to bound it.
func CompileRole() worker.Role {
	return worker.Role{Name: compileRole, Run: compileTask, Files: true, Code: true}
}

// What a child answers, before its text.
const (
	childDone    = 'd' // the code is in the directory
	childInvalid = 'i' // the module is not valid, and why
	childCannot  = 'c' // the module is valid, and the compiler fails on it
)

// maxJob bounds what a child reads: a module, and what metering adds to it.
const maxJob = 256 << 20

// maxVerdict bounds what a parent reads of a child.
const maxVerdict = 4 << 10

// compileTask is the child: it reads a module, has wazero compile it into the directory
// it was given, and says how that went.
func compileTask(t worker.Task) error {
	job, err := io.ReadAll(io.LimitReader(t.In, maxJob+1))
	if err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	if len(job) > maxJob {
		return fmt.Errorf("a job of more than %d bytes", maxJob)
	}
	pages, module, err := header(job)
	if err != nil {
		return err
	}
	cache, err := wazero.NewCompilationCacheWithDir(t.Dir)
	if err != nil {
		return err
	}
	ctx := experimental.WithCompilationWorkers(context.Background(), max(2, runtime.GOMAXPROCS(0)))
	rt := wazero.NewRuntimeWithConfig(ctx, engineConfig(false, pages).WithCompilationCache(cache))
	_, err = rt.CompileModule(ctx, module)
	answer := string(childDone)
	if err != nil {
		answer = string(childCannot) + err.Error()
		// Once more without compiling: what is still wrong is the module.
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if _, err := rt.CompileModule(ended, module); err != nil && !errors.Is(err, context.Canceled) {
			answer = string(childInvalid) + err.Error()
		}
	}
	_, err = io.WriteString(t.Out, answer)
	return err // and the process ends, with all it has
}

// converse gives a child its job and reads the verdict.
func converse(child io.ReadWriter, pages uint32, module []byte) (verdict byte, text string, err error) {
	_, err = child.Write(putHeader(pages))
	if err == nil {
		_, err = child.Write(module)
	}
	if c, ok := child.(interface{ CloseWrite() error }); ok && err == nil {
		err = c.CloseWrite()
	}
	b, readErr := io.ReadAll(io.LimitReader(child, maxVerdict))
	if err = errors.Join(err, readErr); err != nil {
		return 0, "", err
	}
	if len(b) == 0 {
		return 0, "", errors.New("it ended without a verdict")
	}
	switch b[0] {
	case childDone, childInvalid, childCannot:
	default:
		return 0, "", fmt.Errorf("%.20q is no verdict", b)
	}
	return b[0], string(b[1:]), nil
}

// isPanic reports whether a child's last words are those of a Go program that ran into a
// bug, and not of one that ran out of something or was killed.
func isPanic(words string) bool { return strings.HasPrefix(words, "panic: ") }
