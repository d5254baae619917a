/* Kalima contract SDK for C, ABI version 1.
 *
 * Compile kalima.c with the contract; it needs no other file and no libc. Addresses and
 * keys are NUL-terminated strings, because a valid one holds no NUL; values are bytes
 * with a length. An empty address ("") names the contract's own state. What the host does
 * not allow (a malformed address, a write that was not granted) ends the call: no function
 * here returns an error.
 */
#ifndef KALIMA_H
#define KALIMA_H

#include <stddef.h>
#include <stdint.h>

#define KALIMA_ABI 1

/* Limits of the chain, in bytes. */
#define KALIMA_MAX_ADDRESS 255
#define KALIMA_MAX_SEGMENTS 16
#define KALIMA_MAX_KEY 255
#define KALIMA_MAX_VALUE (15 * 1024)
#define KALIMA_MAX_MESSAGE 256

/* Limits of lists. An answer has its entries' lengths beside their bytes. */
#define KALIMA_MAX_KEYS 64
#define KALIMA_MAX_SCAN 256
#define KALIMA_MAX_ANSWER (256 * 1024 + KALIMA_MAX_SCAN * 5)

/* The entry of a phase: KALIMA_VALIDATE { ...; return KALIMA_ACCEPT; }
 * Any value but KALIMA_ACCEPT rejects with that code and no message. */
#define KALIMA_EXPORT(name) __attribute__((export_name(#name))) int32_t name(void)
#define KALIMA_VALIDATE KALIMA_EXPORT(validate)
#define KALIMA_REACT KALIMA_EXPORT(react)
#define KALIMA_QUERY KALIMA_EXPORT(query)
#define KALIMA_MIGRATE KALIMA_EXPORT(migrate)
#define KALIMA_ACCEPT 0

/* KALIMA_REJECT_IF(n > 100, 1, "too large"); ends the call when the condition holds. */
#define KALIMA_REJECT_IF(condition, code, message) \
	do { \
		if (condition) \
			kalima_reject((code), (message)); \
	} while (0)

/* What kalima_get, kalima_next and their kin return when there is none. */
#define KALIMA_NONE (-1)

/* The byte fields of a call, for kalima_field. */
enum {
	KALIMA_FIELD_ADDRESS = 1,  /* address of the event */
	KALIMA_FIELD_KEY = 2,      /* key of the event */
	KALIMA_FIELD_VALUE = 3,    /* value of the event; empty for a delete */
	KALIMA_FIELD_SENDER = 4,   /* 32 bytes: identity that signed the transaction */
	KALIMA_FIELD_TXID = 5,     /* 32 bytes */
	KALIMA_FIELD_ROLES = 6,    /* the sender's roles, joined by single spaces */
	KALIMA_FIELD_CONTRACT = 7, /* name of the running contract */
	KALIMA_FIELD_CHAIN = 8,    /* 32 bytes: chain id */
	KALIMA_FIELD_NAME = 9      /* the sender's name on chain */
};

/* The numeric fields of a call, for kalima_number. */
enum {
	KALIMA_NUMBER_HEIGHT = 1,   /* height of the block */
	KALIMA_NUMBER_TIME = 2,     /* its time: microseconds since the Unix epoch */
	KALIMA_NUMBER_SEQUENCE = 3, /* sequence of the event at its address */
	KALIMA_NUMBER_OP = 4,       /* KALIMA_OP_PUT or KALIMA_OP_DELETE */
	KALIMA_NUMBER_PHASE = 5,    /* KALIMA_PHASE_... */
	KALIMA_NUMBER_OPINDEX = 6,  /* position of the operation in its transaction */
	KALIMA_NUMBER_AT = 7        /* when the sender measured the value; 0 when it does not say */
};

enum { KALIMA_OP_PUT = 1, KALIMA_OP_DELETE = 2 };

enum {
	KALIMA_PHASE_VALIDATE = 1,
	KALIMA_PHASE_REACT = 2,
	KALIMA_PHASE_QUERY = 3,
	KALIMA_PHASE_MIGRATE = 4
};

/* The event that the call is about. */
typedef struct {
	char address[KALIMA_MAX_ADDRESS + 1];
	char key[KALIMA_MAX_KEY + 1];
	char value[KALIMA_MAX_VALUE + 1]; /* with a NUL after value_len bytes */
	size_t value_len;
	int64_t op;
	int64_t height;
	int64_t time;
	int64_t sequence;
} kalima_event_t;

/* kalima_event returns the event of the call. It reads it on first use; the memory is
 * the SDK's and stays valid until the call ends. */
const kalima_event_t *kalima_event(void);

/* kalima_field copies a byte field and returns its full length. It copies nothing when
 * the length is above cap. */
int32_t kalima_field(int32_t id, void *buf, size_t cap);

/* kalima_number returns a numeric field. */
int64_t kalima_number(int32_t id);

/* kalima_get copies the current value of a key, the call's own writes included, and
 * returns its full length, or KALIMA_NONE. It copies nothing when the length is above cap. */
int32_t kalima_get(const char *address, const char *key, void *buf, size_t cap);

/* kalima_get_string is kalima_get with a NUL after the bytes. It needs cap > length;
 * when the value does not fit or there is none, buf becomes "". */
int32_t kalima_get_string(const char *address, const char *key, char *buf, size_t cap);

/* kalima_put writes a value; len 0 deletes. */
void kalima_put(const char *address, const char *key, const void *value, size_t len);

/* kalima_put_string writes the bytes of a string without its NUL. */
void kalima_put_string(const char *address, const char *key, const char *value);

/* kalima_delete deletes a key. */
void kalima_delete(const char *address, const char *key);

/* kalima_next finds the first key of address greater than after in byte order; start
 * with "". It writes the key with a NUL to key, which may be the same array as after, and
 * returns its length, or KALIMA_NONE at the end. */
int32_t kalima_next(const char *address, const char *after, char key[KALIMA_MAX_KEY + 1]);

/* kalima_submit asks the node to send a put as a transaction of its own; react only. */
void kalima_submit(const char *address, const char *key, const void *value, size_t len);

/* kalima_log keeps a line for people. It is never part of the outcome. */
void kalima_log(const char *line);

/* kalima_reject ends the call: the transaction is refused with this code and message. */
_Noreturn void kalima_reject(int32_t code, const char *message);

/* kalima_sha256 hashes bytes. */
void kalima_sha256(const void *bytes, size_t len, uint8_t digest[32]);

/* kalima_ed25519_verify returns 1 when the signature is valid, else 0. */
int32_t kalima_ed25519_verify(const uint8_t pub[32], const void *message, size_t len, const uint8_t sig[64]);

/* kalima_random fills buf with bytes that are the same at every node and different in
 * every call. A sender can predict them: no secret, no lottery. */
void kalima_random(void *buf, size_t len);

/* A key for kalima_get_many, and an answer: len is KALIMA_NONE when there is none. */
typedef struct {
	const char *address, *key;
} kalima_key_t;
typedef struct {
	const char *bytes; /* no NUL behind them */
	int32_t len;
} kalima_value_t;

/* kalima_get_many reads the values of up to KALIMA_MAX_KEYS keys at once, which is cheaper
 * than one by one. It returns how many bytes of buf it needs; when that is at most cap,
 * values[i] is the value of keys[i], in buf. */
int32_t kalima_get_many(const kalima_key_t *keys, size_t count, kalima_value_t *values, void *buf, size_t cap);

/* A walk through the entries of an address, in byte order of their keys:
 *
 *	static char buf[KALIMA_MAX_ANSWER];
 *	kalima_scan_t s = kalima_scan("", "", "", buf, sizeof buf);
 *	while (kalima_scan_next(&s))
 *		use(s.key, s.value, s.value_len);
 */
typedef struct {
	char key[KALIMA_MAX_KEY + 1];
	const char *value; /* in the buffer, valid until the next step; no NUL behind it */
	size_t value_len;

	/* The SDK's own. */
	const char *address, *before;
	char *buf;
	size_t cap, at, end;
	int32_t limit, pages;
} kalima_scan_t;

/* kalima_scan begins a walk through the entries with after < key < before; an empty before
 * is no bound. It reads as many at once as buf has room for: KALIMA_MAX_ANSWER is best, and
 * one that is too small for a single entry traps. address and before stay the caller's. */
kalima_scan_t kalima_scan(const char *address, const char *after, const char *before, void *buf, size_t cap);

/* kalima_scan_first is kalima_scan of at most count (1 to KALIMA_MAX_SCAN) entries, read in
 * one go: fewer come when they would pass 256 KiB. It traps when buf has no room for them. */
kalima_scan_t kalima_scan_first(const char *address, const char *after, const char *before, int32_t count, void *buf, size_t cap);

/* kalima_scan_next goes to the next entry and returns 1, or 0 at the end. */
int kalima_scan_next(kalima_scan_t *s);

/* kalima_query asks the query entry of another contract, and copies its answer. It returns
 * the full length, or KALIMA_NONE when there is no such contract or it rejects the question.
 * It copies nothing when the length is above cap. A fault there ends this call too. */
int32_t kalima_query(const char *contract, const char *key, const void *arg, size_t len, void *buf, size_t cap);

/* kalima_reply is what a query answers; query only, once. */
void kalima_reply(const void *answer, size_t len);

/* kalima_reply_string replies the bytes of a string without its NUL. */
void kalima_reply_string(const char *answer);

/* kalima_emit makes an event of the contract's own, with data; validate and migrate only. */
void kalima_emit(const char *topic, const void *data, size_t len);

/* kalima_emit_string emits the bytes of a string without its NUL. */
void kalima_emit_string(const char *topic, const char *data);

/* kalima_http sends a request to a host that the deployment granted; react only. It returns
 * the status, or KALIMA_NONE without an answer. *answered becomes the full length of the
 * answer's body, which is copied when that is at most cap. */
int32_t kalima_http(const char *method, const char *url, const void *body, size_t len, void *buf, size_t cap, size_t *answered);

/* kalima_clock is this node's clock in microseconds since the Unix epoch; react only, when
 * the deployment granted it. */
int64_t kalima_clock(void);

/* kalima_append writes text at *at of a buffer of cap bytes, keeps it NUL-terminated and
 * moves *at. Text that does not fit ends the call with a trap: a cut key would be wrong. */
void kalima_append(char *buf, size_t cap, size_t *at, const char *text);

/* kalima_append_int is kalima_append of a decimal number. */
void kalima_append_int(char *buf, size_t cap, size_t *at, int64_t number);

#endif
