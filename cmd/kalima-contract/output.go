package main

import (
	"bytes"
	"io"
	"strings"

	"github.com/kalima-chain/kalima/abi"
	"github.com/kalima-chain/kalima/cmd/internal/cli"
)

const schemaVersion = cli.SchemaVersion

// printJSON writes one object on one line.
func (a *app) printJSON(v any) error { return cli.PrintJSON(a.stdout, v) }

// marshal is json.Marshal without escapes for HTML.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := cli.PrintJSON(&b, v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

func table(w io.Writer, rows [][]string) { cli.Table(w, rows) }

func joinPatterns(patterns []abi.Pattern) string {
	if len(patterns) == 0 {
		return "-"
	}
	words := make([]string, len(patterns))
	for i, p := range patterns {
		words[i] = string(p)
	}
	return strings.Join(words, " ")
}
