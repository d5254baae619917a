package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kalima-chain/kalima/abi"
)

// valueHelp is the part of a verb's help that says what VALUE may be.
const valueHelp = `VALUE is text, @FILE for the bytes of a file, or - for the bytes of stdin. Text that
begins with @ is written with two: @@home. At most 15360 bytes: a block holds 16 KiB.`

// value reads the VALUE of a command line.
func (a *app) value(arg string) ([]byte, error) {
	var b []byte
	switch {
	case arg == "-":
		v, err := io.ReadAll(io.LimitReader(a.stdin, abi.MaxValue+1))
		if err != nil {
			return nil, fmt.Errorf("read value from stdin: %w", err)
		}
		if b = v; len(b) > abi.MaxValue {
			return nil, invalid(fmt.Errorf("value on stdin is longer than %d bytes: a block holds 16 KiB", abi.MaxValue))
		}
	case strings.HasPrefix(arg, "@@"):
		b = []byte(arg[1:])
	case strings.HasPrefix(arg, "@"):
		f, err := os.Open(arg[1:])
		if err != nil {
			return nil, invalid(fmt.Errorf("read value: %w", err))
		}
		defer f.Close()
		if fi, err := f.Stat(); err == nil && fi.Mode().IsRegular() && fi.Size() > abi.MaxValue {
			return nil, invalid(fmt.Errorf("value in %s: %w", arg[1:], valueTooLarge(int(fi.Size()))))
		}
		if b, err = io.ReadAll(io.LimitReader(f, abi.MaxValue+1)); err != nil {
			return nil, invalid(fmt.Errorf("read value: %w", err))
		}
	default:
		b = []byte(arg)
	}
	if err := abi.CheckValue(b); err != nil {
		return nil, invalid(err)
	}
	return b, nil
}

func valueTooLarge(n int) error {
	return fmt.Errorf("%d bytes, at most %d: a block holds 16 KiB", n, abi.MaxValue)
}

// target reads ADDRESS and KEY of a command line that will write to them.
func target(address, key string) (abi.Address, error) {
	a, err := readable(address, key)
	if err == nil && a.IsSystem() {
		err = invalid(fmt.Errorf("address %q: the chain's own records change only by identity, grant and contract commands", a))
	}
	return a, err
}

// readable reads ADDRESS and KEY of a command line that will read them.
func readable(address, key string) (abi.Address, error) {
	a, err := abi.ParseAddress(address)
	if err != nil {
		return "", invalid(err)
	}
	if err := abi.CheckKey(key); err != nil {
		return "", invalid(err)
	}
	return a, nil
}
