/* The contract "conformance" of package hosttest, in C: the key of the event names the
 * case, its value is the argument. What each case does stands in host/hosttest/doc.go. */
#include <stdlib.h>
#include <string.h>

#include "kalima.h"

#define LARGEST (64 * 1024 + 16)

static char big[LARGEST];
static int counter;

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

static void out(const void *bytes, size_t len) { kalima_put("", "out", bytes, len); }

static void out_string(const char *s) { out(s, strlen(s)); }

static void put_int(const char *key, int64_t n)
{
	char text[24];
	size_t at = 0;
	kalima_append_int(text, sizeof text, &at, n);
	kalima_put_string("", key, text);
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

static void overlay(void)
{
	static const char *const keys[] = {"a", "b", "c"};
	char value[16];
	size_t at = 0;

	kalima_put_string("", "b", "2");
	kalima_put_string("", "b", "3");
	kalima_put_string("", "c", "4");
	kalima_delete("", "a");
	for (int i = 0; i < 3; i++) {
		int there = kalima_get_string("", keys[i], value, sizeof value) != KALIMA_NONE;
		kalima_append(big, sizeof big, &at, there ? value : "absent");
		kalima_append(big, sizeof big, &at, i < 2 ? "," : ";");
	}
	walk("", &at);
	out(big, at);
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
		a.at[a.len] = 0;
		kalima_reject(code, a.at);
	}
	if (strcmp(key, "exit") == 0)
		return (int32_t)strtol(word(&a), NULL, 10);
	if (strcmp(key, "put-exit") == 0) {
		out_string("x");
		return 7;
	}
	if (strcmp(key, "put-trap") == 0) {
		out_string("x");
		trap();
	}
	if (strcmp(key, "trap") == 0)
		trap();
	if (strcmp(key, "swallow") == 0) {
		kalima_put_string("no-slash", "key", "v");
		out_string("caught");
	} else if (strcmp(key, "swallow-reject") == 0) {
		kalima_reject(5, "no");
	} else if (strcmp(key, "loop") == 0) {
		for (volatile int i = 0;; i++)
			;
	} else if (strcmp(key, "memory") == 0) {
		for (volatile char *p; (p = malloc(1 << 20)) != NULL;)
			*p = 1;
		trap();
	} else if (strcmp(key, "recurse") == 0) {
		put_int("out", endless(0));
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
		a.at[a.len] = 0;
		while (n-- > 0)
			kalima_log(a.at);
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
		put_int("out", ++counter);
	} else if (strcmp(key, "work") == 0) {
		uint32_t x = 1;
		for (int n = atoi(word(&a)); n > 0; n--)
			x = (x * 69069 + 1) % 65536;
		put_int("out", x);
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
		put_int("out", kalima_number(atoi(word(&a))));
	} else if (strcmp(key, "get") == 0) {
		address = word(&a), name = word(&a);
		answer(kalima_get(address, name, big + 1, sizeof big - 1));
	} else if (strcmp(key, "keys") == 0) {
		walk(word(&a), &at);
		out_string(at ? big : "none");
	} else if (strcmp(key, "after") == 0) {
		address = word(&a), name = word(&a);
		answer(kalima_next(address, name, big + 1));
	} else if (strcmp(key, "put") == 0) {
		address = word(&a), name = word(&a);
		kalima_put(address, name, a.at, a.len);
	} else if (strcmp(key, "delete") == 0) {
		address = word(&a), name = word(&a);
		kalima_delete(address, name);
	} else if (strcmp(key, "submit") == 0) {
		address = word(&a), name = word(&a);
		kalima_submit(address, name, a.at, a.len);
	} else if (strcmp(key, "overlay") == 0) {
		overlay();
	} else {
		return host(key, a);
	}
	return KALIMA_ACCEPT;
}

KALIMA_VALIDATE { return run(); }
KALIMA_REACT { return run(); }
