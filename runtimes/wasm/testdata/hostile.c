// What a contract may try. The event's key names the attempt.
#define KALIMA(name) __attribute__((import_module("kalima"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))
#define NOINLINE __attribute__((noinline))
typedef unsigned int u32;

KALIMA(field) int k_field(int id, void *buf, u32 cap);
KALIMA(log) void k_log(const void *m, u32 ml);
KALIMA(sha256) void k_sha256(const void *p, u32 n, void *out);

static char key[256], big[1 << 16];
static volatile u32 sink;
static volatile double zero;

// Forty functions, each calling the next twice, and no loop anywhere.
NOINLINE static void t0(void) { sink++; }
#define LEVEL(a, b) NOINLINE static void t##a(void) { t##b(); t##b(); }
#define TEN(x, y) LEVEL(x##1, y) LEVEL(x##2, x##1) LEVEL(x##3, x##2) LEVEL(x##4, x##3) LEVEL(x##5, x##4) \
	LEVEL(x##6, x##5) LEVEL(x##7, x##6) LEVEL(x##8, x##7) LEVEL(x##9, x##8)
TEN(1, 0) TEN(2, 19) TEN(3, 29) TEN(4, 39)

static u32 self(u32 n);
static u32 (*volatile through)(u32) = self;
NOINLINE static u32 self(u32 n) { return through(n + 1) + sink; }

static u32 pong(u32 n);
NOINLINE static u32 ping(u32 n) { return pong(n + 1) + sink; }
NOINLINE static u32 pong(u32 n) { return ping(n + 1) + sink; }

// Work that is done on the way back only.
#define W sink = sink * 3 + 1;
#define W10 W W W W W W W W W W
NOINLINE static u32 unwind(u32 n) {
	u32 r = n ? unwind(n - 1) : 0;
	W10 W10 W10 W10 W10 W10 W10 W10 W10 W10
	return r + sink;
}

static int is(const char *s, int n) {
	for (int i = 0; i < n; i++) if (s[i] != key[i] || !s[i]) return 0;
	return s[n] == 0;
}

EXPORT(kalima_abi) int kalima_abi(void) { return 1; }
EXPORT(validate) int validate(void) {
	int n = k_field(2, key, sizeof key);
	if (is("tree", n)) t49();
	if (is("indirect", n)) return (int)self(1);
	if (is("pingpong", n)) return (int)ping(1);
	if (is("fill", n)) for (;;) __builtin_memset(big, (int)sink++, sizeof big);
	if (is("grow", n)) for (;;) sink = __builtin_wasm_memory_grow(0, 1);
	if (is("growmax", n)) sink = __builtin_wasm_memory_grow(0, 65535);
	if (is("outside", n)) sink = *(volatile u32 *)0xfffffff0;
	if (is("divide", n)) sink = 100 / sink;
	if (is("table", n)) ((void (*)(double))(void *)through)(1);
	if (is("convert", n)) sink = (u32)__builtin_wasm_trunc_s_i32_f64(zero / zero);
	if (is("floats", n)) for (double d = 1;; d = d * 1.5 + zero) if (d < 0) sink++;
	if (is("unwind", n)) return (int)unwind(1000);
	if (is("hash", n)) k_sha256(0, 0xffffffff, big);
	if (is("log", n)) for (;;) k_log(big, sizeof big);
	if (is("refused", n)) return __builtin_wasm_memory_grow(0, 1000) == (unsigned long)-1 ? 0 : 1;
	if (is("refused-trap", n)) if (__builtin_wasm_memory_grow(0, 1000) == (unsigned long)-1) __builtin_trap();
	return 0;
}
