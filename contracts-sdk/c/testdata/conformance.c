/* The contract "conformance" of package hosttest, in C: the key of the event names the
 * case, its value is the argument. What each case does stands in host/hosttest/doc.go. */
#include <stdlib.h>
#include <string.h>

#include "kalima.h"

static char big[KALIMA_MAX_ANSWER];
static char kept[KALIMA_MAX_ANSWER]; /* answers of the host */
static int counter;
static char remembered[KALIMA_MAX_VALUE];
static size_t remembered_len;
static int32_t phase; /* that the call is in */

/* arg is the event's value with its length; words are cut off its front. */
struct arg {
	char *at;
	size_t len;
};

/* word cuts off the text before the first space. Without a space it takes all. */
static const char *word(struct arg *a)
{
	char *start = a->at, *space = memchr(a->at, ' ', a->len);
	size_t n = space ? (size_t)(space - start) : a->len;

	start[n] = 0;
	a->at += space ? n + 1 : n;
	a->len -= space ? n + 1 : n;
	return start;
}

/* out hands out what a case found, in the phase's way. */
static void out(const void *bytes, size_t len)
{
	if (phase == KALIMA_PHASE_REACT)
		kalima_submit("/submit/out", "out", bytes, len);
	else if (phase == KALIMA_PHASE_QUERY)
		kalima_reply(bytes, len);
	else
		kalima_put("", "out", bytes, len);
}

/* rest is all that is left, spaces too. */
static const char *rest(struct arg *a)
{
	a->at[a->len] = 0;
	return a->at;
}

static void out_string(const char *s) { out(s, strlen(s)); }

static void put_int(const char *key, int64_t n)
{
	char text[24];
	size_t at = 0;
	kalima_append_int(text, sizeof text, &at, n);
	kalima_put_string("", key, text);
}

static void out_int(int64_t n)
{
	char text[24];
	size_t at = 0;
	kalima_append_int(text, sizeof text, &at, n);
	out(text, at);
}

/* numbered makes "f1" of 'f' and 1. */
static const char *numbered(char letter, int i)
{
	static char name[16];
	size_t at = 1;
	name[0] = letter;
	kalima_append_int(name, sizeof name, &at, i);
	return name;
}

/* answer writes "=" and n bytes of big + 1, or "absent". */
static void answer(int32_t n)
{
	if (n == KALIMA_NONE) {
		out_string("absent");
		return;
	}
	big[0] = '=';
	out(big, (size_t)n + 1);
}

/* walk appends each key of the address and a comma. */
static void walk(const char *address, size_t *at)
{
	char key[KALIMA_MAX_KEY + 1] = "";
	while (kalima_next(address, key, key) != KALIMA_NONE) {
		kalima_append(big, sizeof big, at, key);
		kalima_append(big, sizeof big, at, ",");
	}
}

static void four_writes(void)
{
	kalima_put_string("", "b", "2");
	kalima_put_string("", "b", "3");
	kalima_put_string("", "c", "4");
	kalima_delete("", "a");
}

static void overlay(void)
{
	static const char *const keys[] = {"a", "b", "c"};
	char value[16];
	size_t at = 0;

	four_writes();
	for (int i = 0; i < 3; i++) {
		int there = kalima_get_string("", keys[i], value, sizeof value) != KALIMA_NONE;
		kalima_append(big, sizeof big, &at, there ? value : "absent");
		kalima_append(big, sizeof big, &at, i < 2 ? "," : ";");
	}
	walk("", &at);
	out(big, at);
}

/* append adds bytes to big. */
static void append(size_t *at, const void *bytes, size_t len)
{
	if (*at + len > sizeof big)
		__builtin_trap();
	memcpy(big + *at, bytes, len);
	*at += len;
}

/* many appends what get_many answers for the words of a. */
static void many(struct arg a, size_t *at)
{
	static kalima_key_t keys[KALIMA_MAX_KEYS + 1];
	static kalima_value_t values[KALIMA_MAX_KEYS + 1];
	size_t count = 0;

	for (; a.len > 0; count++) {
		keys[count].address = word(&a);
		keys[count].key = word(&a);
	}
	if (kalima_get_many(keys, count, values, kept, sizeof kept) > (int32_t)sizeof kept)
		__builtin_trap();
	for (size_t i = 0; i < count; i++) {
		if (values[i].len == KALIMA_NONE) {
			append(at, "absent,", 7);
			continue;
		}
		append(at, "=", 1);
		append(at, values[i].bytes, (size_t)values[i].len);
		append(at, ",", 1);
	}
}

/* entries appends what a scan finds. */
static void entries(kalima_scan_t s, size_t *at)
{
	while (kalima_scan_next(&s)) {
		append(at, s.key, strlen(s.key));
		append(at, "=", 1);
		append(at, s.value, s.value_len);
		append(at, ",", 1);
	}
}

static kalima_scan_t scan(struct arg *a)
{
	const char *address = word(a), *after = word(a), *before = word(a);
	return kalima_scan_first(address, after, before, atoi(word(a)), kept, sizeof kept);
}

static void out_count(kalima_scan_t s)
{
	char text[48];
	int64_t count = 0, size = 0;
	size_t at = 0;

	while (kalima_scan_next(&s)) {
		count++;
		size += (int64_t)s.value_len;
	}
	kalima_append_int(text, sizeof text, &at, count);
	kalima_append(text, sizeof text, &at, " ");
	kalima_append_int(text, sizeof text, &at, size);
	out(text, at);
}

static void ask(struct arg a)
{
	const char *contract = word(&a), *key = word(&a);
	int32_t n = kalima_query(contract, key, a.at, a.len, big + 1, sizeof big - 1);
	if (n == KALIMA_NONE) {
		out_string("none");
		return;
	}
	big[0] = '=';
	out(big, (size_t)n + 1);
}

/* http sends a request and writes its status and the answer's body, or its length, to big. */
static size_t http(const char *method, const char *url, const void *body, size_t len, int length_only)
{
	size_t answered, at = 0;
	int32_t status = kalima_http(method, url, body, len, kept, sizeof kept, &answered);

	if (status == KALIMA_NONE) {
		append(&at, "none", 4);
		return at;
	}
	kalima_append_int(big, sizeof big, &at, status);
	kalima_append(big, sizeof big, &at, " ");
	if (length_only)
		kalima_append_int(big, sizeof big, &at, (int64_t)answered);
	else
		append(&at, kept, answered);
	return at;
}

/* The cases of get_many, scan, query and reply. They return 0 for another case. */
static int asks(const char *key, struct arg a)
{
	size_t at = 0;

	if (strcmp(key, "get-many") == 0) {
		many(a, &at);
		out(at ? big : "none", at ? at : 4);
	} else if (strcmp(key, "list") == 0) {
		__attribute__((import_module("kalima"), import_name("get_many"))) int32_t raw_get_many(const void *, size_t);
		__attribute__((import_module("kalima"), import_name("result"))) int32_t raw_result(void *, size_t);
		int32_t n = raw_get_many(a.at, a.len);
		out(kept, (size_t)(raw_result(kept, sizeof kept) == n ? n : 0));
	} else if (strcmp(key, "scan") == 0) {
		entries(scan(&a), &at);
		out(at ? big : "none", at ? at : 4);
	} else if (strcmp(key, "scan-count") == 0) {
		out_count(scan(&a));
	} else if (strcmp(key, "scan-all") == 0) {
		out_count(kalima_scan(word(&a), "", "", kept, sizeof kept));
	} else if (strcmp(key, "overlay-many") == 0) {
		static char words[] = " a  b  c";
		four_writes();
		many((struct arg){words, strlen(words)}, &at);
		append(&at, ";", 1);
		entries(kalima_scan_first("", "", "", KALIMA_MAX_SCAN, kept, sizeof kept), &at);
		out(big, at);
	} else if (strcmp(key, "query") == 0) {
		ask(a);
	} else if (strcmp(key, "query-big") == 0) {
		size_t n = (size_t)atoi(word(&a));
		memset(big, 'q', n);
		int32_t got = kalima_query("twin", "echo", big, n, kept, sizeof kept);
		if (got == KALIMA_NONE)
			out_string("none");
		else
			out_int(got);
	} else if (strcmp(key, "put-query") == 0) {
		kalima_put_string("", "mark", "new");
		kalima_delete("", "a");
		ask(a);
	} else if (strcmp(key, "reply") == 0) {
		int times = atoi(word(&a));
		size_t n = (size_t)atoi(word(&a));
		memset(big, 'r', n);
		while (times-- > 0)
			kalima_reply(big, n);
	} else {
		return 0;
	}
	return 1;
}

/* The cases of events, of the world outside and of memory. They return 0 for another case. */
static int tells(const char *key, struct arg a)
{
	const char *first;
	char text[24];
	size_t at = 0;

	if (strcmp(key, "emit") == 0) {
		first = word(&a);
		kalima_emit(first, a.at, a.len);
	} else if (strcmp(key, "emits") == 0) {
		int n = atoi(word(&a));
		for (int i = 0; i < n; i++) {
			at = 0;
			kalima_append_int(text, sizeof text, &at, i);
			kalima_emit("t", text, at);
		}
	} else if (strcmp(key, "emit-order") == 0) {
		kalima_put_string("", "a", "1");
		kalima_emit_string("x", "1");
		kalima_put_string("", "b", "2");
		kalima_emit_string("x", "2");
		kalima_put_string("", "a", "3");
		kalima_delete("", "b");
	} else if (strcmp(key, "http") == 0) {
		first = word(&a);
		const char *url = word(&a);
		at = http(first, url, a.at, a.len, 0);
		out(big, at);
	} else if (strcmp(key, "http-size") == 0) {
		first = word(&a);
		const char *url = word(&a);
		size_t n = (size_t)atoi(word(&a));
		memset(big, 'b', n);
		at = http(first, url, big, n, 1);
		out(big, at);
	} else if (strcmp(key, "http-many") == 0) {
		int n = atoi(word(&a));
		first = word(&a);
		while (n-- > 0)
			at = http("GET", first, "", 0, 0);
		out(big, at);
	} else if (strcmp(key, "clock") == 0) {
		out_int(kalima_clock());
	} else if (strcmp(key, "remember") == 0) {
		append(&at, "[", 1);
		append(&at, remembered, remembered_len);
		append(&at, "]", 1);
		out(big, at);
		memcpy(remembered, a.at, a.len);
		remembered_len = a.len;
	} else {
		return 0;
	}
	return 1;
}

/* endless keeps nothing in memory but two globals, so that calls are what runs out. */
static int32_t endless(int32_t n)
{
	static volatile int32_t stop, last;
	if (stop)
		return n;
	last = endless(n + 1);
	return last + n;
}

static void trap(void) { __builtin_trap(); }

/* The cases that end the call in their own way. They return the entry's value. */
static int32_t ends(const char *key, struct arg a)
{
	if (strcmp(key, "reject") == 0) {
		int32_t code = (int32_t)strtol(word(&a), NULL, 10);
		kalima_reject(code, rest(&a));
	}
	if (strcmp(key, "exit") == 0)
		return (int32_t)strtol(word(&a), NULL, 10);
	if (strcmp(key, "put-exit") == 0) {
		kalima_put_string("", "out", "x");
		return 7;
	}
	if (strcmp(key, "put-trap") == 0) {
		kalima_put_string("", "out", "x");
		trap();
	}
	if (strcmp(key, "trap") == 0)
		trap();
	if (strcmp(key, "swallow") == 0) {
		kalima_put_string("no-slash", "key", "v");
		out_string("caught");
	} else if (strcmp(key, "swallow-reject") == 0) {
		kalima_reject(5, "no");
	} else if (strcmp(key, "swallow-query") == 0) {
		kalima_query("twin", "trap", "", 0, big, sizeof big);
		out_string("caught");
	} else if (strcmp(key, "loop") == 0) {
		for (volatile int i = 0;; i++)
			;
	} else if (strcmp(key, "memory") == 0) {
		for (volatile char *p; (p = malloc(1 << 20)) != NULL;)
			*p = 1;
		trap();
	} else if (strcmp(key, "recurse") == 0) {
		out_int(endless(0));
	} else if (strcmp(key, "bad-pointer") == 0) {
		const char *end = (const char *)(__builtin_wasm_memory_size(0) * 65536);
		__attribute__((import_module("kalima"), import_name("get"))) int32_t raw(const char *, size_t, const char *, size_t, void *, size_t);
		raw("", 0, end - 4, 16, big, 0);
	} else {
		kalima_reject(99, "unknown case");
	}
	return KALIMA_ACCEPT;
}

/* The cases that use the host's other functions. */
static int32_t host(const char *key, struct arg a)
{
	if (strcmp(key, "writes") == 0) {
		int n = atoi(word(&a));
		for (int i = 0; i < n; i++)
			kalima_put_string("", numbered('w', i), "x");
	} else if (strcmp(key, "big") == 0) {
		size_t n = (size_t)atoi(word(&a));
		memset(big, 'b', n);
		out(big, n);
	} else if (strcmp(key, "log") == 0) {
		int n = atoi(word(&a));
		while (n-- > 0)
			kalima_log(rest(&a));
	} else if (strcmp(key, "sha256") == 0) {
		uint8_t digest[32];
		kalima_sha256(a.at, a.len, digest);
		out(digest, sizeof digest);
	} else if (strcmp(key, "ed25519") == 0) {
		const uint8_t *b = (const uint8_t *)a.at;
		out_string(kalima_ed25519_verify(b, b + 96, a.len - 96, b + 32) ? "1" : "0");
	} else if (strcmp(key, "random") == 0) {
		size_t n = (size_t)atoi(word(&a));
		kalima_random(big, n);
		kalima_put("", "a", big, n);
		kalima_random(big, n);
		kalima_put("", "b", big, n);
	} else if (strcmp(key, "count") == 0) {
		out_int(++counter);
	} else if (strcmp(key, "work") == 0) {
		uint32_t x = 1;
		for (int n = atoi(word(&a)); n > 0; n--)
			x = (x * 69069 + 1) % 65536;
		out_int(x);
	} else {
		return ends(key, a);
	}
	return KALIMA_ACCEPT;
}

static int32_t run(void)
{
	static char value[KALIMA_MAX_VALUE + 1], field[KALIMA_MAX_VALUE];
	const kalima_event_t *e = kalima_event();
	const char *key = e->key, *address, *name;
	struct arg a = {value, e->value_len};
	size_t at = 0;

	memcpy(value, e->value, e->value_len);
	if (strcmp(key, "accept") == 0) {
	} else if (strcmp(key, "echo") == 0) {
		out(a.at, a.len);
	} else if (strcmp(key, "fields") == 0) {
		for (int i = KALIMA_FIELD_ADDRESS; i <= KALIMA_FIELD_NAME; i++) {
			int32_t n = kalima_field(i, field, sizeof field);
			kalima_put("", numbered('f', i), field, (size_t)n);
		}
	} else if (strcmp(key, "numbers") == 0) {
		for (int i = KALIMA_NUMBER_HEIGHT; i <= KALIMA_NUMBER_OPINDEX; i++) {
			int64_t n = kalima_number(i);
			put_int(numbered('n', i), n);
		}
	} else if (strcmp(key, "field") == 0) {
		int32_t n = kalima_field(atoi(word(&a)), field, sizeof field);
		out(field, (size_t)n);
	} else if (strcmp(key, "number") == 0) {
		out_int(kalima_number(atoi(word(&a))));
	} else if (strcmp(key, "get") == 0) {
		address = word(&a), name = rest(&a);
		answer(kalima_get(address, name, big + 1, sizeof big - 1));
	} else if (strcmp(key, "keys") == 0) {
		walk(word(&a), &at);
		out_string(at ? big : "none");
	} else if (strcmp(key, "after") == 0) {
		address = word(&a), name = rest(&a);
		answer(kalima_next(address, name, big + 1));
	} else if (strcmp(key, "put") == 0) {
		address = word(&a), name = word(&a);
		kalima_put(address, name, a.at, a.len);
	} else if (strcmp(key, "delete") == 0) {
		address = word(&a), name = rest(&a);
		kalima_delete(address, name);
	} else if (strcmp(key, "submit") == 0) {
		address = word(&a), name = word(&a);
		kalima_submit(address, name, a.at, a.len);
	} else if (strcmp(key, "overlay") == 0) {
		overlay();
	} else if (!asks(key, a) && !tells(key, a)) {
		return host(key, a);
	}
	return KALIMA_ACCEPT;
}

static int32_t enter(int32_t p)
{
	phase = p;
	return run();
}

KALIMA_VALIDATE { return enter(KALIMA_PHASE_VALIDATE); }
KALIMA_REACT { return enter(KALIMA_PHASE_REACT); }
KALIMA_QUERY { return enter(KALIMA_PHASE_QUERY); }
KALIMA_MIGRATE { return enter(KALIMA_PHASE_MIGRATE); }
