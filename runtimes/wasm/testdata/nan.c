// Makes NaNs in many ways and writes their bits.
#define KALIMA(name) __attribute__((import_module("kalima"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))
typedef unsigned int u32;
typedef unsigned long long u64;
KALIMA(put) void k_put(const void *a, u32 al, const void *k, u32 kl, const void *v, u32 vl);

static u64 bits(double d) { union { double d; u64 u; } x = {d}; return x.u; }
static double of(u64 u) { union { u64 u; double d; } x; x.u = u; return x.d; }
static volatile u64 payload = 0xfff4dead0000beef, infinite = 0x7ff0000000000000;

EXPORT(kalima_abi) int kalima_abi(void) { return 1; }
EXPORT(validate) int validate(void) {
	double n = of(payload), i = of(infinite), z = of(payload & 0), sum = 0;
	u64 out[] = {
		bits(n + 1), bits(1 - n), bits(n * n), bits(n / 2), bits(i - i), bits(z / z), bits(i * z),
		bits(__builtin_sqrt(-1 - z)), bits(__builtin_sqrt(n)), bits(__builtin_floor(n)), bits(__builtin_ceil(n)),
		bits(__builtin_trunc(n)), bits(__builtin_wasm_min_f64(n, 1)), bits(__builtin_wasm_max_f64(1, n)),
		bits((double)(float)n), bits((double)((float)n * 2)), 0,
	};
	for (int k = 0; k < 10; k++) sum = sum * 0.5 + n; // never leaves arithmetic until here
	out[16] = bits(sum);
	k_put("", 0, "out", 3, out, sizeof out);
	return 0;
}
