package wasm

// RestoreModes are the ways to put memory back, the automatic one first.
var RestoreModes = []string{"auto", "scan", "read", "drop", "copy"}

// WithRestore forces one of them.
func WithRestore(cfg Config, mode string) Config {
	for n, name := range RestoreModes {
		if name == mode {
			cfg.restore = restoreMode(n)
			return cfg
		}
	}
	panic("no way to restore is called " + mode)
}
