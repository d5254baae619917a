// Package contractssdk holds the text of the contract SDKs, so that kalima-contract makes
// projects that build without a network.
package contractssdk

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// Folder is where the SDK stands in a contract's project.
const Folder = "kalima"

//go:embed c/kalima.h c/kalima.c go/contract/*.go rust/Cargo.toml rust/src/*.rs
var source embed.FS

// goMod makes the Go SDK a module of its own. Contracts need go:wasmexport, which came
// with Go 1.24.
const goMod = "module github.com/kalima-chain/kalima\n\ngo 1.24\n"

// Files returns the SDK of a language ("c", "go", "rust", "js" or "starlark") as files of a
// project, by path below Folder. JavaScript and Starlark contracts need none.
func Files(language string) (map[string][]byte, error) { return collect(source, abi.Source, language) }

// FilesFrom is Files with the texts of a checkout of Kalima instead of the built-in ones.
func FilesFrom(checkout fs.FS, language string) (map[string][]byte, error) {
	sdk, err := fs.Sub(checkout, "contracts-sdk")
	if err != nil {
		return nil, fmt.Errorf("read SDK: %w", err)
	}
	abiSource, err := fs.Sub(checkout, "abi")
	if err != nil {
		return nil, fmt.Errorf("read SDK: %w", err)
	}
	return collect(sdk, abiSource, language)
}

func collect(sdk, abiSource fs.FS, language string) (map[string][]byte, error) {
	files := map[string][]byte{}
	add := func(from fs.FS, pattern, under string) error {
		names, err := fs.Glob(from, pattern)
		if err != nil {
			return fmt.Errorf("read SDK: %w", err)
		}
		if len(names) == 0 {
			return fmt.Errorf("read SDK: no %s there", pattern)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || name == "source.go" {
				continue
			}
			text, err := fs.ReadFile(from, name)
			if err != nil {
				return fmt.Errorf("read SDK: %w", err)
			}
			files[under+name] = text
		}
		return nil
	}
	var err error
	switch language {
	case "c":
		if sdk, err = fs.Sub(sdk, "c"); err == nil {
			err = add(sdk, "kalima.[ch]", Folder+"/")
		}
	case "rust":
		if sdk, err = fs.Sub(sdk, "rust"); err != nil {
			break
		}
		if err = add(sdk, "Cargo.toml", Folder+"/"); err == nil {
			err = add(sdk, "src/*.rs", Folder+"/")
		}
	case "go":
		files[Folder+"/go.mod"] = []byte(goMod)
		if err = add(sdk, "go/contract/*.go", Folder+"/contracts-sdk/"); err == nil {
			err = add(abiSource, "*.go", Folder+"/abi/")
		}
	case "js", "starlark":
	default:
		err = fmt.Errorf("no SDK for language %q", language)
	}
	if err != nil {
		return nil, err
	}
	return files, nil
}
