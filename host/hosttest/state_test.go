package hosttest

import "testing"

func TestStateNext(t *testing.T) {
	s := State{"/a": {"b": "1", "d": "2"}}
	for _, tt := range []struct {
		after, want string
		ok          bool
	}{{"", "b", true}, {"a", "b", true}, {"b", "d", true}, {"c", "d", true}, {"d", "", false}} {
		if got, ok := s.Next("/a", tt.after); got != tt.want || ok != tt.ok {
			t.Errorf("Next(/a, %q) = %q, %v, want %q, %v", tt.after, got, ok, tt.want, tt.ok)
		}
	}
	if got, ok := s.Next("/b", ""); ok {
		t.Errorf("Next of an unknown address = %q, want none", got)
	}
}
