package threshold_test

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kalima-chain/kalima/abi"
)

// TestSkab gives real sensor rows to all five: a water loop with eight sensors at 1 Hz.
// The settings are such that the voltage crosses them, so alarms come and go.
func TestSkab(t *testing.T) {
	const rows = 300
	header, lines := skab(t, rows)
	f := loadFive(t)
	const address abi.Address = "/skab/valve1"
	if _, err := f.run(t, step{address: address, key: "_threshold", value: "235 225"}); err != nil {
		t.Fatal(err)
	}
	alarms := 0
	for _, line := range lines {
		for i, value := range line {
			r, err := f.run(t, step{address: address, key: header[i], value: value})
			if err != nil {
				t.Fatal(err)
			}
			if r.Fault != nil {
				t.Fatalf("put %s %s = %q: %v, want accepted", address, header[i], value, r.Fault)
			}
			alarms += len(r.Writes) - 1
		}
	}
	digest, err := f.digest()
	if err != nil {
		t.Fatal(err)
	}
	if alarms < 2 {
		t.Errorf("%d changes of alarms, want one raised and one cleared at least", alarms)
	}
	for _, key := range header {
		v, _ := f.chains[0].Get(state, string(address)+"#"+key)
		if !strings.HasPrefix(string(v), "300 ") {
			t.Errorf("record of %s = %q, want a count of %d", key, v, rows)
		}
	}
	t.Logf("%d events, %d changes of alarms, state %s in every language", rows*len(header), alarms, digest.Short())
}

// skab reads the sensor columns of the first rows of a file of the SKAB data set, which
// stands beside the checkout.
func skab(t *testing.T, rows int) (header []string, lines [][]string) {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !exists(filepath.Join(dir, "go.mod")) {
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = filepath.Dir(dir)
	}
	name := filepath.Join(dir, "..", "shared", "data", "skab", "valve1", "0.csv")
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("no data set beside the checkout: %s", filepath.Join("..", "shared", "data", "skab"))
	}
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for in := bufio.NewScanner(file); in.Scan() && len(lines) < rows; {
		columns := strings.Split(strings.TrimSpace(in.Text()), ";")
		if len(columns) < 9 {
			t.Fatalf("%s: line %q has %d columns, want at least 9", name, in.Text(), len(columns))
		}
		if columns = columns[1:9]; header == nil { // the first column is the time
			header = columns
		} else {
			lines = append(lines, columns)
		}
	}
	if len(lines) < rows {
		t.Fatalf("%s has %d rows, want at least %d", name, len(lines), rows)
	}
	return header, lines
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
