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
KALIMA(get_many) int k_get_many(const void *list, u32 ll);
KALIMA(scan) int k_scan(const void *a, u32 al, const void *t, u32 tl, const void *b, u32 bl, int n);
KALIMA(query) int k_query(const void *m, u32 ml, const void *k, u32 kl, const void *g, u32 gl);
KALIMA(reply) void k_reply(const void *p, u32 n);
KALIMA(result) int k_result(void *buf, u32 cap);
KALIMA(emit) void k_emit(const void *t, u32 tl, const void *d, u32 dl);
KALIMA(http) int k_http(const void *m, u32 ml, const void *u, u32 ul, const void *b, u32 bl);
KALIMA(clock) long long k_clock(void);

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
static char kept[300000]; // an answer of the host
static char memory[16384]; // what remember remembers
static u32 memory_len;
static int calls, phase;

static u32 length(const char *s) { u32 n = 0; while (s[n]) n++; return n; }
static str lit(const char *s) { str r = {s, length(s)}; return r; }
static int is(str a, const char *s) {
	u32 n = length(s);
	if (a.n != n) return 0;
	for (u32 i = 0; i < n; i++) if (a.p[i] != s[i]) return 0;
	return 1;
}
static void put_own(str key, str val) { k_put("", 0, key.p, key.n, val.p, val.n); }
static void out(str val) {
	if (phase == 2) k_submit("/submit/out", 11, "out", 3, val.p, val.n);
	else if (phase == 3) k_reply(val.p, val.n);
	else put_own(lit("out"), val);
}

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
static u32 add(char *to, u32 n, str s) { memcpy(to + n, s.p, s.n); return n + s.n; }
static u32 u32_at(const char *p) { return (u8)p[0] | (u8)p[1] << 8 | (u8)p[2] << 16 | (u32)(u8)p[3] << 24; }

// fetch copies what the host keeps.
static str fetch(int n) {
	if (n < 0 || (u32)n > sizeof kept || k_result(kept, sizeof kept) != n) __builtin_trap();
	str r = {kept, (u32)n};
	return r;
}
// many writes what get_many answers for the words of arg.
static u32 many(str arg, char *to) {
	static char list[33000];
	u32 n = 0, at = 0;
	while (arg.n > 0) {
		str w = word(&arg);
		list[n++] = (char)w.n;
		n = add(list, n, w);
	}
	str answer = fetch(k_get_many(list, n));
	for (u32 i = 0; i < answer.n; at = add(to, at, lit(","))) {
		u32 size = u32_at(answer.p + i);
		i += 4;
		if (size == 0xFFFFFFFF) { at = add(to, at, lit("absent")); continue; }
		str v = {answer.p + i, size};
		at = add(to, at, lit("="));
		at = add(to, at, v);
		i += size;
	}
	return at;
}
static str entry; // the key of the last entry
// entries writes what scan answered; counted to its end only when to is 0.
static u32 entries(str answer, char *to, long long *count, long long *size) {
	u32 at = 0;
	for (u32 i = 0; i < answer.n;) {
		str k = {answer.p + i + 1, (u8)answer.p[i]};
		str v = {k.p + k.n + 4, u32_at(k.p + k.n)};
		if (to) {
			at = add(to, at, k);
			at = add(to, at, lit("="));
			at = add(to, at, v);
			at = add(to, at, lit(","));
		}
		++*count;
		*size += v.n;
		entry = k;
		i = (u32)(v.p + v.n - answer.p);
	}
	return at;
}
static str scan(str arg) {
	str a = word(&arg), after = word(&arg), before = word(&arg);
	return fetch(k_scan(a.p, a.n, after.p, after.n, before.p, before.n, (int)number(arg)));
}
static void counted(long long count, long long size) {
	char digits[24], line[64];
	u32 n = add(line, 0, decimal(digits + 24, count));
	n = add(line, n, lit(" "));
	n = add(line, n, decimal(digits + 24, size));
	str v = {line, n};
	out(v);
}
static void query(str arg) {
	str name = word(&arg), key = word(&arg);
	int n = k_query(name.p, name.n, key.p, key.n, arg.p, arg.n);
	if (n < 0) { out(lit("none")); return; }
	tmp[0] = '=';
	str v = {tmp, add(tmp, 1, fetch(n))};
	out(v);
}
// http hands out the status and the answer's body, or its length.
static str http(str method, str url, str body, int length_only) {
	static char digits[24];
	int status = k_http(method.p, method.n, url.p, url.n, body.p, body.n);
	if (status < 0) return lit("none");
	str answer = fetch(k_result(0, 0));
	u32 n = add(tmp, 0, dec(status));
	n = add(tmp, n, lit(" "));
	n = add(tmp, n, length_only ? decimal(digits + 24, answer.n) : answer);
	str v = {tmp, n};
	return v;
}
static void overlay(void) {
	put_own(lit("b"), lit("2"));
	put_own(lit("b"), lit("3"));
	put_own(lit("c"), lit("4"));
	k_delete("", 0, "a", 1);
}
// bad_pointer calls a function with 16 bytes at the last 4 of memory.
static void bad_pointer(str f) {
	char *end = (char *)(__builtin_wasm_memory_size(0) * 65536) - 4;
	if (is(f, "") || is(f, "get")) k_get("", 0, end, 16, tmp, sizeof tmp);
	if (is(f, "delete")) k_delete(end, 16, "k", 1);
	if (is(f, "ed25519_verify")) k_ed25519_verify(tmp, end, 16, tmp);
	if (is(f, "emit")) k_emit(end, 16, "d", 1);
	if (is(f, "field")) k_field(1, end, 16);
	if (is(f, "get_many")) k_get_many(end, 16);
	if (is(f, "http")) k_http(end, 16, "u", 1, "b", 1);
	if (is(f, "log")) k_log(end, 16);
	if (is(f, "next")) k_next(end, 16, "", 0, tmp, sizeof tmp);
	if (is(f, "put")) k_put(end, 16, "k", 1, "v", 1);
	if (is(f, "query")) k_query(end, 16, "echo", 4, "x", 1);
	if (is(f, "random")) k_random(end, 16);
	if (is(f, "reject")) k_reject(1, end, 16);
	if (is(f, "reply")) k_reply(end, 16);
	if (is(f, "result")) k_result(end, 16);
	if (is(f, "scan")) k_scan(end, 16, "", 0, "", 0, 1);
	if (is(f, "sha256")) k_sha256(end, 16, tmp);
	if (is(f, "submit")) k_submit(end, 16, "k", 1, "v", 1);
}
static int lists(str key, str arg);
static int world(str key, str arg);
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
		overlay();
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
	if (is(key, "put-exit")) { put_own(lit("out"), lit("x")); return 7; }
	if (is(key, "put-trap")) { put_own(lit("out"), lit("x")); __builtin_trap(); }
	if (is(key, "trap")) __builtin_trap();
	if (is(key, "swallow")) { k_put("no-slash", 8, "k", 1, "v", 1); out(lit("caught")); return 0; }
	if (is(key, "swallow-reject")) { k_reject(5, "no", 2); out(lit("caught")); return 0; }
	if (is(key, "loop")) for (;;) sink++;
	if (is(key, "memory")) for (;;) if (__builtin_wasm_memory_grow(0, 16) == (size_t)-1) __builtin_trap();
	if (is(key, "recurse")) return down(1);
	if (is(key, "bad-pointer")) { bad_pointer(arg); return 0; }
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
	return lists(key, arg);
}

// lists has the cases of get_many, scan and query.
static int lists(str key, str arg) {
	str own = {"", 0}, none = lit("none");
	long long count = 0, size = 0;
	if (is(key, "get-many")) {
		str v = {tmp, many(arg, tmp)};
		out(v.n ? v : none);
		return 0;
	}
	if (is(key, "list")) { out(fetch(k_get_many(arg.p, arg.n))); return 0; }
	if (is(key, "scan")) {
		str v = {tmp, entries(scan(arg), tmp, &count, &size)};
		out(v.n ? v : none);
		return 0;
	}
	if (is(key, "scan-count")) {
		entries(scan(arg), 0, &count, &size);
		counted(count, size);
		return 0;
	}
	if (is(key, "scan-all")) {
		for (entry = own;;) {
			str answer = fetch(k_scan(arg.p, arg.n, entry.p, entry.n, "", 0, 256));
			if (answer.n == 0) break;
			entries(answer, 0, &count, &size);
		}
		counted(count, size);
		return 0;
	}
	if (is(key, "overlay-many")) {
		overlay();
		u32 n = many(lit(" a  b  c"), tmp);
		tmp[n++] = ';';
		n += entries(scan(lit("   256")), tmp + n, &count, &size);
		str v = {tmp, n};
		out(v);
		return 0;
	}
	if (is(key, "query")) { query(arg); return 0; }
	if (is(key, "query-big")) {
		u32 n = (u32)number(arg);
		memset(tmp, 'q', n);
		int got = k_query("twin", 4, "echo", 4, tmp, n);
		out(got < 0 ? none : dec(got));
		return 0;
	}
	if (is(key, "put-query")) {
		put_own(lit("mark"), lit("new"));
		k_delete("", 0, "a", 1);
		query(arg);
		return 0;
	}
	if (is(key, "reply")) {
		int times = (int)number(word(&arg));
		u32 n = (u32)number(arg);
		memset(tmp, 'r', n);
		while (times-- > 0) k_reply(tmp, n);
		return 0;
	}
	if (is(key, "kept")) {
		u32 n = add(text + 64, 0, dec(k_result(0, 0)));
		int length = k_get_many("\0\1k", 3), same = 1;
		n = add(text + 64, n, lit(" "));
		n = add(text + 64, n, dec(k_result(0, 0)));
		memset(tmp, '?', 64);
		k_result(tmp, (u32)length - 1);
		for (int i = 0; i < 64; i++) if (tmp[i] != '?') same = 0;
		n = add(text + 64, n, lit(same ? " 1" : " 0"));
		same = k_result(tmp, 64) == length && k_result(kept, 64) == length;
		for (int i = 0; i < length; i++) if (tmp[i] != kept[i]) same = 0;
		n = add(text + 64, n, lit(same ? " 1" : " 0"));
		str v = {text + 64, n};
		out(v);
		return 0;
	}
	return world(key, arg);
}

// world has the cases of events, requests and the clock.
static int world(str key, str arg) {
	if (is(key, "emit")) { str t = word(&arg); k_emit(t.p, t.n, arg.p, arg.n); return 0; }
	if (is(key, "emits")) {
		int n = (int)number(arg);
		for (int i = 0; i < n; i++) {
			str d = dec(i);
			k_emit("t", 1, d.p, d.n);
		}
		return 0;
	}
	if (is(key, "emit-order")) {
		put_own(lit("a"), lit("1"));
		k_emit("x", 1, "1", 1);
		put_own(lit("b"), lit("2"));
		k_emit("x", 1, "2", 1);
		put_own(lit("a"), lit("3"));
		k_delete("", 0, "b", 1);
		return 0;
	}
	if (is(key, "http")) { str m = word(&arg), u = word(&arg); out(http(m, u, arg, 0)); return 0; }
	if (is(key, "http-size")) {
		str m = word(&arg), u = word(&arg), b = {tmp, (u32)number(arg)};
		memset(tmp, 'b', b.n);
		out(http(m, u, b, 1));
		return 0;
	}
	if (is(key, "http-many")) {
		str v = {"", 0};
		for (int n = (int)number(word(&arg)); n > 0; n--) v = http(lit("GET"), arg, lit(""), 0);
		out(v);
		return 0;
	}
	if (is(key, "clock")) { out(dec(k_clock())); return 0; }
	if (is(key, "remember")) {
		str before = {tmp, memory_len + 2};
		tmp[0] = '[';
		memcpy(tmp + 1, memory, memory_len);
		tmp[memory_len + 1] = ']';
		out(before);
		memory_len = add(memory, 0, arg);
		return 0;
	}
	if (is(key, "swallow-query")) { k_query("twin", 4, "trap", 4, "", 0); out(lit("caught")); return 0; }
	k_reject(99, "unknown case", 12);
	return 0;
}

static int enter(int p) { phase = p; return run(); }

EXPORT(kalima_abi) int kalima_abi(void) { return 1; }
EXPORT(validate) int validate(void) { return enter(1); }
EXPORT(react) int react(void) { return enter(2); }
EXPORT(query) int on_query(void) { return enter(3); }
EXPORT(migrate) int migrate(void) { return enter(4); }
