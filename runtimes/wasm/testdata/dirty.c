// A contract that soils what it can reach. The event's value is a list of (offset u32, length u32)
// pairs that it fills with random bytes, wherever that is; an offset of 0xffffffff grows memory by
// length pages. The key says how the call ends. "look" reports on all memory instead.
#define KALIMA(name) __attribute__((import_module("kalima"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;
KALIMA(field) int k_field(int id, void *buf, u32 cap);
KALIMA(put) void k_put(const void *a, u32 al, const void *k, u32 kl, const void *v, u32 vl);
KALIMA(random) void k_random(void *buf, u32 n);
KALIMA(reject) void k_reject(int code, const void *m, u32 ml);
KALIMA(get_many) int k_get_many(const void *list, u32 n);
KALIMA(result) int k_result(void *buf, u32 cap);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_write"))) int fd_write(int fd, const void *v, int n, void *out);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("proc_exit"))) void proc_exit(int code);

static u32 list[1024];
static u8 key[8];
static u32 calls = 7, counter;

typedef int (*handler)(int);
static int one(int x) { return x + 1; }
static int two(int x) { return x * 2; }
handler table[2] = {one, two};

static void out(const void *v, u32 n) { k_put("", 0, "out", 3, v, n); }

// look reports the size and a checksum of memory, as the call found it, and that nothing was kept.
static int look(void) {
	u32 size = (u32)__builtin_wasm_memory_size(0) * 65536;
	u64 h = 14695981039346656037ull;
	for (u32 i = 0; i < size; i += 8) h = (h ^ *(volatile u64 *)i) * 1099511628211ull;
	u64 v[4] = {size, h, ((u64)calls << 32) | counter, (u64)(table[0](5) * 100 + table[1](5))};
	u8 b[8];
	v[3] = v[3] * 10 + (u32)k_result(b, 8);
	out(v, sizeof v);
	return 0;
}

EXPORT(kalima_abi) int kalima_abi(void) { return 1; }
EXPORT(_initialize) void initialise(void) { counter = 41; table[1] = one; }

EXPORT(validate) int validate(void) {
	if (k_field(2, (void *)0, 0) == 4) return look();
	calls++, counter++;
	k_field(2, key, sizeof key);
	u32 n = (u32)k_field(3, list, sizeof list) / 8;
	u8 end = key[0];
	table[0] = two;
	k_get_many("\0\1k", 3);
	for (u32 i = 0; i < n; i++) {
		u32 at = list[2 * i], len = list[2 * i + 1];
		if (at == 0xffffffffu) { __builtin_wasm_memory_grow(0, len); continue; }
		u32 size = (u32)__builtin_wasm_memory_size(0) * 65536;
		at %= size;
		if (len > 65536) len = 65536;
		if (len > size - at) len = size - at;
		k_random((void *)at, len);
	}
	switch (end) {
	case 'r': k_reject(3, "no", 2);
	case 't': __builtin_trap();
	case 'l': for (volatile u32 i = 0;; i++) {}
	case 'x': proc_exit(0);
	case 'p': *(volatile u32 *)16 = 0x20, *(volatile u32 *)20 = 4, *(volatile u32 *)0x20 = 0x61616161; fd_write(1, (void *)16, 1, (void *)24); break;
	case 'n': return 5;
	}
	return 0;
}
