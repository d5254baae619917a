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
