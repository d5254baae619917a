package starlark

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kalima-chain/kalima/host"
	"github.com/kalima-chain/kalima/host/hosttest"
)

func TestConformance(t *testing.T) {
	hosttest.Run(t, hosttest.Kit{
		Runtime: func(testing.TB) host.Runtime { return New() },
		Contract: func(t testing.TB, name string) []byte {
			code, err := os.ReadFile(filepath.Join("testdata", name+".star"))
			if err != nil {
				t.Fatal(err)
			}
			return code
		},
		NoRecursion: true,
	})
}
