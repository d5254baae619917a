package main

import (
	"strings"
	"testing"
)

func TestPrintPlaces(t *testing.T) {
	deep := place{Function: "depth", File: "contract.c", Line: 2}
	top := place{Function: "validate", File: "contract.c", Line: 8}
	tests := []struct {
		name  string
		where []place
		want  string
	}{
		{"one", []place{top}, "at  contract.c:8 in validate\n"},
		{"no file", []place{{Function: "main.validate"}}, "at  main.validate\n"},
		{"recursion", []place{deep, deep, deep, top}, "at    contract.c:2 in depth, 3 times\nfrom  contract.c:8 in validate\n"},
		{"recursion further out", []place{top, deep, deep}, "at    contract.c:8 in validate\nfrom  contract.c:2 in depth, 2 times\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			(&called{People: people{Where: tt.where}}).print(&b)
			if _, got, _ := strings.Cut(b.String(), "in no block:\n"); got != tt.want {
				t.Errorf("print of %v = %q, want %q", tt.where, got, tt.want)
			}
		})
	}
}
