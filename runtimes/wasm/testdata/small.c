// The smallest contract that does something: read one value, write one.
//   clang --target=wasm32 -nostdlib -O2 -Wl,--no-entry,-z,stack-size=8192
#define KALIMA(name) __attribute__((import_module("kalima"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))
typedef unsigned int u32;
KALIMA(get) int k_get(const void *a, u32 al, const void *k, u32 kl, void *buf, u32 cap);
KALIMA(put) void k_put(const void *a, u32 al, const void *k, u32 kl, const void *v, u32 vl);
EXPORT(kalima_abi) int kalima_abi(void) { return 1; }
EXPORT(validate) int validate(void) {
	char v[64];
	int n = k_get("", 0, "k", 1, v, sizeof v);
	if (n < 0) v[0] = '0', n = 1;
	v[0]++;
	k_put("", 0, "k", 1, v, (u32)n);
	return 0;
}
