// The host functions of ABI 1 that answer with lists, ask other contracts or reach the world. The
// event's key names what to do, its value is the argument; the outcome is written to "out".
#define KALIMA(name) __attribute__((import_module("kalima"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long size_t;

KALIMA(field) int k_field(int id, void *buf, u32 cap);
KALIMA(put) void k_put(const void *a, u32 al, const void *k, u32 kl, const void *v, u32 vl);
KALIMA(delete) void k_delete(const void *a, u32 al, const void *k, u32 kl);
KALIMA(submit) void k_submit(const void *a, u32 al, const void *k, u32 kl, const void *v, u32 vl);
KALIMA(reject) void k_reject(int code, const void *m, u32 ml);
KALIMA(get_many) int k_get_many(const void *list, u32 n);
KALIMA(scan) int k_scan(const void *a, u32 al, const void *after, u32 tl, const void *before, u32 bl, u32 limit);
KALIMA(query) int k_query(const void *name, u32 nl, const void *k, u32 kl, const void *arg, u32 al);
KALIMA(reply) void k_reply(const void *p, u32 n);
KALIMA(result) int k_result(void *buf, u32 cap);
KALIMA(emit) void k_emit(const void *t, u32 tl, const void *d, u32 dl);
KALIMA(http) int k_http(const void *m, u32 ml, const void *url, u32 ul, const void *body, u32 bl);
KALIMA(clock) long long k_clock(void);

void *memcpy(void *d, const void *s, size_t n) {
	for (size_t i = 0; i < n; i++) ((volatile u8 *)d)[i] = ((const u8 *)s)[i];
	return d;
}

static char key[256], arg[16384], out[16384];
static u32 kn, an;

static int is(const char *s) {
	u32 i = 0;
	for (; s[i]; i++) if (i >= kn || key[i] != s[i]) return 0;
	return i == kn;
}
static u32 len(const char *s) { u32 n = 0; while (s[n]) n++; return n; }
static void write(const void *p, u32 n) {
	if (is("react")) return;
	k_put("", 0, "out", 3, p, n);
}
// kept writes what the host kept: fetched with a buffer that is too small first.
static void kept(int n) {
	if (n < 0) { write("none", 4); return; }
	char small[1];
	if (n > 1 && k_result(small, 1) != n) __builtin_trap();
	if (k_result(out, sizeof out) != n) __builtin_trap();
	write(out, (u32)n);
}
static u32 digits(char *p, long long v) {
	char t[24];
	u32 n = 0, m = 0;
	int minus = v < 0;
	if (minus) v = -v;
	do t[n++] = (char)('0' + v % 10); while (v /= 10);
	if (minus) p[m++] = '-';
	while (n) p[m++] = t[--n];
	return m;
}
static void load(void) {
	kn = (u32)k_field(2, key, sizeof key);
	an = (u32)k_field(3, arg, sizeof arg);
}

EXPORT(kalima_abi) int kalima_abi(void) { return 1; }

EXPORT(validate) int validate(void) {
	load();
	if (is("get_many")) kept(k_get_many(arg, an));
	else if (is("scan")) kept(k_scan("", 0, "", 0, "", 0, (u32)(arg[0] - '0')));
	else if (is("scan-between")) kept(k_scan("/other", 6, "a", 1, "d", 1, 9));
	else if (is("scan-mine")) {
		k_put("", 0, "b", 1, "new", 3);
		k_delete("", 0, "a", 1);
		kept(k_scan("", 0, "", 0, "", 0, 256));
	}
	else if (is("scan-limit")) kept(k_scan("", 0, "", 0, "", 0, 257));
	else if (is("query")) kept(k_query("other", 5, "k", 1, arg, an));
	else if (is("query-self")) kept(k_query("conf", 4, "deep", 4, arg, an));
	else if (is("query-none")) kept(k_query("nobody", 6, "k", 1, "", 0));
	else if (is("emit")) { k_emit("topic", 5, arg, an); k_emit("topic", 5, "2", 1); }
	else if (is("reply")) k_reply(arg, an);
	else if (is("http")) k_http("GET", 3, arg, an, "", 0);
	else if (is("clock")) k_clock();
	else if (is("result")) { if (k_result(out, sizeof out) != 0) __builtin_trap(); write("empty", 5); }
	else if (is("bad-list")) k_get_many((void *)0xfffffff0u, 64);
	else if (is("bad-scan")) k_scan("", 0, "", 0, (void *)0xfffffff0u, 64, 1);
	else if (is("bad-query")) k_query("other", 5, "k", 1, (void *)0xfffffff0u, 64);
	else if (is("bad-result")) { k_get_many("\0\1a", 3); k_result((void *)0xfffffff0u, 64); }
	else if (is("bad-emit")) k_emit("t", 1, (void *)0xfffffff0u, 64);
	else if (is("bad-reply")) k_reply((void *)0xfffffff0u, 64);
	return 0;
}

// query answers key and argument; "deep" asks itself with a digit less until 0.
EXPORT(query) int query(void) {
	load();
	if (is("deep") && an == 1 && arg[0] > '0') {
		arg[0]--;
		int n = k_query("conf", 4, "deep", 4, arg, 1);
		if (n < 0) k_reject(1, "none", 4);
		k_result(out, sizeof out);
		out[n] = '.';
		k_reply(out, (u32)n + 1);
		return 0;
	}
	if (is("reject")) k_reject(7, "no", 2);
	if (is("trap")) __builtin_trap();
	if (is("loop")) for (volatile int i = 0;; i++) {}
	if (is("silent")) return 0;
	for (u32 i = 0; i < an; i++) out[i] = arg[i];
	k_reply(out, an);
	if (is("twice")) k_reply(out, an);
	return 0;
}

EXPORT(react) int react(void) {
	load();
	if (is("http")) {
		int status = k_http("POST", 4, "https://example.com/x", 21, arg, an);
		u32 n = digits(out, status);
		out[n++] = ' ';
		int m = k_result(out + n, sizeof out - n);
		k_submit("/submit/x", 9, "http", 4, out, n + (u32)m);
	} else if (is("clock")) {
		u32 n = digits(out, k_clock());
		k_submit("/submit/x", 9, "clock", 5, out, n);
	}
	return 0;
}
