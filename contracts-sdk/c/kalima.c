#include "kalima.h"

#define IMPORT(name) __attribute__((import_module("kalima"), import_name(#name)))

/* The host functions, as abi/doc.go lists them. A pointer is an i32 here. */
IMPORT(field) int32_t host_field(int32_t id, void *buf, size_t cap);
IMPORT(number) int64_t host_number(int32_t id);
IMPORT(get) int32_t host_get(const char *addr, size_t alen, const char *key, size_t klen, void *buf, size_t cap);
IMPORT(put) void host_put(const char *addr, size_t alen, const char *key, size_t klen, const void *val, size_t vlen);
IMPORT(delete) void host_delete(const char *addr, size_t alen, const char *key, size_t klen);
IMPORT(next) int32_t host_next(const char *addr, size_t alen, const char *after, size_t tlen, void *buf, size_t cap);
IMPORT(submit) void host_submit(const char *addr, size_t alen, const char *key, size_t klen, const void *val, size_t vlen);
IMPORT(log) void host_log(const char *msg, size_t mlen);
IMPORT(reject) void host_reject(int32_t code, const char *msg, size_t mlen);
IMPORT(sha256) void host_sha256(const void *ptr, size_t len, uint8_t *out);
IMPORT(ed25519_verify) int32_t host_ed25519_verify(const uint8_t *pub, const void *msg, size_t mlen, const uint8_t *sig);
IMPORT(random) void host_random(void *buf, size_t len);
IMPORT(get_many) int32_t host_get_many(const void *list, size_t len);
IMPORT(scan) int32_t host_scan(const char *addr, size_t alen, const char *after, size_t tlen, const char *before, size_t blen, int32_t limit);
IMPORT(query) int32_t host_query(const char *name, size_t nlen, const char *key, size_t klen, const void *arg, size_t arglen);
IMPORT(reply) void host_reply(const void *ptr, size_t len);
IMPORT(result) int32_t host_result(void *buf, size_t cap);
IMPORT(emit) void host_emit(const char *topic, size_t tlen, const void *data, size_t dlen);
IMPORT(http) int32_t host_http(const char *method, size_t mlen, const char *url, size_t ulen, const void *body, size_t blen);
IMPORT(clock) int64_t host_clock(void);

/* Weak, so that a contract which speaks another version can say so itself. */
__attribute__((weak)) KALIMA_EXPORT(kalima_abi) { return KALIMA_ABI; }

static kalima_event_t event;
static int event_read;

static size_t length(const char *s)
{
	size_t n = 0;
	while (s[n])
		n++;
	return n;
}

/* string_field reads a field that the chain bounds to less than cap. */
static size_t string_field(int32_t id, char *buf, size_t cap)
{
	int32_t n = host_field(id, buf, cap - 1);
	if (n < 0 || (size_t)n >= cap)
		__builtin_trap();
	buf[n] = 0;
	return (size_t)n;
}

const kalima_event_t *kalima_event(void)
{
	if (!event_read) {
		string_field(KALIMA_FIELD_ADDRESS, event.address, sizeof event.address);
		string_field(KALIMA_FIELD_KEY, event.key, sizeof event.key);
		event.value_len = string_field(KALIMA_FIELD_VALUE, event.value, sizeof event.value);
		event.op = host_number(KALIMA_NUMBER_OP);
		event.height = host_number(KALIMA_NUMBER_HEIGHT);
		event.time = host_number(KALIMA_NUMBER_TIME);
		event.sequence = host_number(KALIMA_NUMBER_SEQUENCE);
		event_read = 1;
	}
	return &event;
}

int32_t kalima_field(int32_t id, void *buf, size_t cap) { return host_field(id, buf, cap); }

int64_t kalima_number(int32_t id) { return host_number(id); }

int32_t kalima_get(const char *address, const char *key, void *buf, size_t cap)
{
	return host_get(address, length(address), key, length(key), buf, cap);
}

int32_t kalima_get_string(const char *address, const char *key, char *buf, size_t cap)
{
	int32_t n = cap ? kalima_get(address, key, buf, cap - 1) : kalima_get(address, key, buf, 0);
	if (cap)
		buf[n >= 0 && (size_t)n < cap ? n : 0] = 0;
	return n;
}

void kalima_put(const char *address, const char *key, const void *value, size_t len)
{
	host_put(address, length(address), key, length(key), value, len);
}

void kalima_put_string(const char *address, const char *key, const char *value)
{
	kalima_put(address, key, value, length(value));
}

void kalima_delete(const char *address, const char *key)
{
	host_delete(address, length(address), key, length(key));
}

int32_t kalima_next(const char *address, const char *after, char key[KALIMA_MAX_KEY + 1])
{
	int32_t n = host_next(address, length(address), after, length(after), key, KALIMA_MAX_KEY);
	if (n > KALIMA_MAX_KEY)
		__builtin_trap();
	if (n >= 0)
		key[n] = 0;
	return n;
}

void kalima_submit(const char *address, const char *key, const void *value, size_t len)
{
	host_submit(address, length(address), key, length(key), value, len);
}

void kalima_log(const char *line) { host_log(line, length(line)); }

_Noreturn void kalima_reject(int32_t code, const char *message)
{
	host_reject(code, message, length(message));
	__builtin_trap();
}

void kalima_sha256(const void *bytes, size_t len, uint8_t digest[32]) { host_sha256(bytes, len, digest); }

int32_t kalima_ed25519_verify(const uint8_t pub[32], const void *message, size_t len, const uint8_t sig[64])
{
	return host_ed25519_verify(pub, message, len, sig);
}

void kalima_random(void *buf, size_t len) { host_random(buf, len); }

static char *copy(char *to, const char *from, size_t n)
{
	while (n-- > 0)
		*to++ = *from++;
	return to;
}

/* length_at reads a little-endian u32. */
static uint32_t length_at(const char *p)
{
	const uint8_t *b = (const uint8_t *)p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

int32_t kalima_get_many(const kalima_key_t *keys, size_t count, kalima_value_t *values, void *buf, size_t cap)
{
	/* A name in the list has one byte for its length. One that needs more, and a key too
	 * many, ends the list: the host then says what is wrong with it. */
	size_t room = 1, sent = 0;
	for (; sent < count && sent <= KALIMA_MAX_KEYS; sent++) {
		size_t alen = length(keys[sent].address), klen = length(keys[sent].key);
		if (alen > 255 || klen > 255)
			break;
		room += 2 + alen + klen;
	}
	char list[room], *to = list;
	for (size_t i = 0; i < sent; i++) {
		size_t n = length(keys[i].address);
		*to++ = (char)n;
		to = copy(to, keys[i].address, n);
		n = length(keys[i].key);
		*to++ = (char)n;
		to = copy(to, keys[i].key, n);
	}
	int32_t size = host_get_many(list, (size_t)(to - list));
	if (sent < count) {
		kalima_get(keys[sent].address, keys[sent].key, 0, 0);
		__builtin_trap();
	}
	if ((size_t)size > cap)
		return size;
	host_result(buf, cap);
	const char *at = buf;
	for (size_t i = 0; i < count; i++) {
		values[i].len = (int32_t)length_at(at); /* the length of none is KALIMA_NONE */
		at = values[i].bytes = at + 4;
		if (values[i].len > 0)
			at += values[i].len;
	}
	return size;
}

static kalima_scan_t scan(const char *address, const char *after, const char *before, int32_t limit, int32_t pages, void *buf, size_t cap)
{
	kalima_scan_t s;
	size_t n = length(after);
	if (n > KALIMA_MAX_KEY) /* no key is that long: the same entries come after the cut one */
		n = KALIMA_MAX_KEY;
	*copy(s.key, after, n) = 0;
	s.value_len = s.at = s.end = 0;
	s.value = s.buf = buf;
	s.cap = cap;
	s.address = address;
	s.before = before;
	s.limit = limit;
	s.pages = pages;
	return s;
}

kalima_scan_t kalima_scan(const char *address, const char *after, const char *before, void *buf, size_t cap)
{
	return scan(address, after, before, KALIMA_MAX_SCAN, -1, buf, cap);
}

kalima_scan_t kalima_scan_first(const char *address, const char *after, const char *before, int32_t count, void *buf, size_t cap)
{
	return scan(address, after, before, count, 1, buf, cap);
}

/* fill reads the next page: 0 when there is none. A page that buf has no room for is asked
 * again with fewer entries. */
static int fill(kalima_scan_t *s)
{
	if (s->pages == 0)
		return 0;
	for (;;) {
		int32_t n = host_scan(s->address, length(s->address), s->key, length(s->key), s->before, length(s->before), s->limit);
		if ((size_t)n <= s->cap) {
			host_result(s->buf, s->cap);
			s->at = 0;
			s->end = (size_t)n;
			break;
		}
		if (s->pages > 0 || s->limit == 1)
			__builtin_trap();
		s->limit /= 2;
	}
	if (s->pages > 0)
		s->pages--;
	return s->end > 0;
}

int kalima_scan_next(kalima_scan_t *s)
{
	if (s->at == s->end && !fill(s))
		return 0;
	const char *p = s->buf + s->at;
	size_t n = (uint8_t)*p++;
	copy(s->key, p, n);
	s->key[n] = 0;
	s->value_len = length_at(p + n);
	s->value = p + n + 4;
	s->at = (size_t)(s->value + s->value_len - s->buf);
	return 1;
}

int32_t kalima_query(const char *contract, const char *key, const void *arg, size_t len, void *buf, size_t cap)
{
	int32_t n = host_query(contract, length(contract), key, length(key), arg, len);
	if (n >= 0 && (size_t)n <= cap)
		host_result(buf, cap);
	return n;
}

void kalima_reply(const void *answer, size_t len) { host_reply(answer, len); }

void kalima_reply_string(const char *answer) { kalima_reply(answer, length(answer)); }

void kalima_emit(const char *topic, const void *data, size_t len) { host_emit(topic, length(topic), data, len); }

void kalima_emit_string(const char *topic, const char *data) { kalima_emit(topic, data, length(data)); }

int32_t kalima_http(const char *method, const char *url, const void *body, size_t len, void *buf, size_t cap, size_t *answered)
{
	int32_t status = host_http(method, length(method), url, length(url), body, len);
	*answered = status == KALIMA_NONE ? 0 : (size_t)host_result(buf, cap);
	return status;
}

int64_t kalima_clock(void) { return host_clock(); }

void kalima_append(char *buf, size_t cap, size_t *at, const char *text)
{
	for (; *text; text++) {
		if (*at + 1 >= cap)
			__builtin_trap();
		buf[(*at)++] = *text;
	}
	if (*at >= cap)
		__builtin_trap();
	buf[*at] = 0;
}

void kalima_append_int(char *buf, size_t cap, size_t *at, int64_t number)
{
	char digits[21]; /* a sign, 19 digits and the NUL */
	size_t i = sizeof digits - 1;
	uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	digits[i] = 0;
	do {
		digits[--i] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest);
	if (number < 0)
		digits[--i] = '-';
	kalima_append(buf, cap, at, digits + i);
}
