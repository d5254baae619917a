// The conformance contract of host/hosttest, without any SDK: what the ABI alone needs.
#define KALIMA(name) __attribute__((import_module("kalima"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long size_t;

KALIMA(field) int k_field(int id, void *buf, u32 cap);
KALIMA(number) long long k_number(int id);
KALIMA(get) int k_get(const void *a, u32 al, const void *k, u32 kl, void *buf, u32 cap);
KALIMA(put) void k_put(const void *a, u32 al, const void *k, u32 kl, const void *v, u32 vl);
KALIMA(delete) void k_delete(const void *a, u32 al, const void *k, u32 kl);
KALIMA(next) int k_next(const void *a, u32 al, const void *k, u32 kl, void *buf, u32 cap);
KALIMA(submit) void k_submit(const void *a, u32 al, const void *k, u32 kl, const void *v, u32 vl);
KALIMA(log) void k_log(const void *m, u32 ml);
KALIMA(reject) void k_reject(int code, const void *m, u32 ml);
KALIMA(sha256) void k_sha256(const void *p, u32 n, void *out);
KALIMA(ed25519_verify) int k_ed25519_verify(const void *pub, const void *m, u32 ml, const void *sig);
KALIMA(random) void k_random(void *buf, u32 n);

void *memcpy(void *d, const void *s, size_t n) {
	for (size_t i = 0; i < n; i++) ((volatile u8 *)d)[i] = ((const u8 *)s)[i];
	return d;
}
void *memset(void *d, int c, size_t n) {
	for (size_t i = 0; i < n; i++) ((volatile u8 *)d)[i] = (u8)c;
	return d;
}

typedef struct { const char *p; u32 n; } str;
static char arg_buf[16384], key_buf[256], tmp[70000], text[1024];
static int calls;

static u32 length(const char *s) { u32 n = 0; while (s[n]) n++; return n; }
static str lit(const char *s) { str r = {s, length(s)}; return r; }
static int is(str a, const char *s) {
	u32 n = length(s);
	if (a.n != n) return 0;
	for (u32 i = 0; i < n; i++) if (a.p[i] != s[i]) return 0;
	return 1;
}
static void put_own(str key, str val) { k_put("", 0, key.p, key.n, val.p, val.n); }
static void out(str val) { put_own(lit("out"), val); }

// word takes the text before the first space off s; without a space, all of it.
static str word(str *s) {
	u32 i = 0;
	while (i < s->n && s->p[i] != ' ') i++;
	str w = {s->p, i};
	u32 skip = i < s->n ? i + 1 : i;
	s->p += skip;
	s->n -= skip;
	return w;
}
static long long number(str s) {
	long long v = 0;
	u32 i = 0;
	int minus = s.n > 0 && s.p[0] == '-';
	for (i = minus; i < s.n; i++) v = v * 10 + (s.p[i] - '0');
	return minus ? -v : v;
}
static str decimal(char *end, long long v) {
	char *p = end;
	int minus = v < 0;
	if (minus) v = -v;
	do *--p = '0' + v % 10; while (v /= 10);
	if (minus) *--p = '-';
	str r = {p, (u32)(end - p)};
	return r;
}
static str dec(long long v) { return decimal(text + 64, v); }

static str lookup(str addr, str key) {
	int n = k_get(addr.p, addr.n, key.p, key.n, tmp + 1, sizeof tmp - 1);
	if (n < 0) return lit("absent");
	tmp[0] = '=';
	str r = {tmp, (u32)n + 1};
	return r;
}
static u32 walk(str addr, char *to) {
	static char at[256], nextkey[256];
	u32 atlen = 0, n = 0;
	for (;;) {
		int k = k_next(addr.p, addr.n, at, atlen, nextkey, sizeof nextkey);
		if (k < 0) return n;
		memcpy(to + n, nextkey, k);
		n += k;
		to[n++] = ',';
		memcpy(at, nextkey, k);
		atlen = k;
	}
}
static volatile int sink;
__attribute__((noinline)) static int down(int n) { return down(n + sink) + 1 + sink; }

static int run(void) {
	str key = {key_buf, (u32)k_field(2, key_buf, sizeof key_buf)};
	str arg = {arg_buf, (u32)k_field(3, arg_buf, sizeof arg_buf)};
	str own = {"", 0};
	calls++;
	if (is(key, "accept")) return 0;
	if (is(key, "echo")) { out(arg); return 0; }
	if (is(key, "fields")) {
		char name[2] = "f";
		for (int i = 1; i <= 9; i++) {
			name[1] = '0' + i;
			str k = {name, 2}, v = {tmp, (u32)k_field(i, tmp, sizeof tmp)};
			put_own(k, v);
		}
		return 0;
	}
	if (is(key, "numbers")) {
		char name[2] = "n";
		for (int i = 1; i <= 6; i++) {
			name[1] = '0' + i;
			str k = {name, 2};
			put_own(k, dec(k_number(i)));
		}
		return 0;
	}
	if (is(key, "field")) {
		str v = {tmp, (u32)k_field((int)number(arg), tmp, sizeof tmp)};
		out(v);
		return 0;
	}
	if (is(key, "number")) { out(dec(k_number((int)number(arg)))); return 0; }
	if (is(key, "get")) { str a = word(&arg); out(lookup(a, arg)); return 0; }
	if (is(key, "keys")) {
		u32 n = walk(arg, tmp);
		str v = {tmp, n};
		out(n ? v : lit("none"));
		return 0;
	}
	if (is(key, "after")) {
		str a = word(&arg);
		int n = k_next(a.p, a.n, arg.p, arg.n, tmp + 1, sizeof tmp - 1);
		tmp[0] = '=';
		str v = {tmp, (u32)n + 1};
		out(n < 0 ? lit("absent") : v);
		return 0;
	}
	if (is(key, "put") || is(key, "submit")) {
		str a = word(&arg), k = word(&arg);
		(is(key, "put") ? k_put : k_submit)(a.p, a.n, k.p, k.n, arg.p, arg.n);
		return 0;
	}
	if (is(key, "delete")) { str a = word(&arg); k_delete(a.p, a.n, arg.p, arg.n); return 0; }
	if (is(key, "overlay")) {
		put_own(lit("b"), lit("2"));
		put_own(lit("b"), lit("3"));
		put_own(lit("c"), lit("4"));
		k_delete("", 0, "a", 1);
		u32 n = 0;
		for (const char *k = "abc"; *k; k++) {
			str ks = {k, 1}, v = lookup(own, ks);
			if (v.p[0] == '=') v.p++, v.n--;
			memcpy(text + n, v.p, v.n);
			n += v.n;
			text[n++] = k[1] ? ',' : ';';
		}
		n += walk(own, text + n);
		str v = {text, n};
		out(v);
		return 0;
	}
	if (is(key, "reject")) { str c = word(&arg); k_reject((int)number(c), arg.p, arg.n); return 0; }
	if (is(key, "exit")) return (int)number(arg);
	if (is(key, "put-exit")) { out(lit("x")); return 7; }
	if (is(key, "put-trap")) { out(lit("x")); __builtin_trap(); }
	if (is(key, "trap")) __builtin_trap();
	if (is(key, "swallow")) { k_put("no-slash", 8, "k", 1, "v", 1); out(lit("caught")); return 0; }
	if (is(key, "swallow-reject")) { k_reject(5, "no", 2); out(lit("caught")); return 0; }
	if (is(key, "loop")) for (;;) sink++;
	if (is(key, "memory")) for (;;) if (__builtin_wasm_memory_grow(0, 16) == (size_t)-1) __builtin_trap();
	if (is(key, "recurse")) return down(1);
	if (is(key, "bad-pointer")) {
		char *end = (char *)(__builtin_wasm_memory_size(0) * 65536);
		k_get("", 0, end - 4, 16, tmp, sizeof tmp);
		return 0;
	}
	if (is(key, "writes")) {
		int n = (int)number(arg);
		for (int i = 0; i < n; i++) {
			str d = dec(i);
			*(char *)--d.p = 'w';
			d.n++;
			put_own(d, lit("x"));
		}
		return 0;
	}
	if (is(key, "big")) {
		u32 n = (u32)number(arg);
		memset(tmp, 'b', n);
		str v = {tmp, n};
		out(v);
		return 0;
	}
	if (is(key, "log")) {
		int n = (int)number(word(&arg));
		for (int i = 0; i < n; i++) k_log(arg.p, arg.n);
		return 0;
	}
	if (is(key, "sha256")) { k_sha256(arg.p, arg.n, tmp); str v = {tmp, 32}; out(v); return 0; }
	if (is(key, "ed25519")) {
		out(lit(k_ed25519_verify(arg.p, arg.p + 96, arg.n - 96, arg.p + 32) ? "1" : "0"));
		return 0;
	}
	if (is(key, "random")) {
		u32 n = (u32)number(arg);
		str v = {tmp, n};
		k_random(tmp, n);
		put_own(lit("a"), v);
		k_random(tmp, n);
		put_own(lit("b"), v);
		return 0;
	}
	if (is(key, "count")) { out(dec(calls)); return 0; }
	if (is(key, "work")) {
		u32 x = 1;
		long long n = number(arg);
		for (long long i = 0; i < n; i++) x = (x * 69069u + 1) % 65536;
		out(dec(x));
		return 0;
	}
	k_reject(99, "unknown case", 12);
	return 0;
}

EXPORT(kalima_abi) int kalima_abi(void) { return 1; }
EXPORT(validate) int validate(void) { return run(); }
EXPORT(react) int react(void) { return run(); }
