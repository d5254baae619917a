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

/* The entry of a phase: KALIMA_VALIDATE { ...; return KALIMA_ACCEPT; }
 * Any value but KALIMA_ACCEPT rejects with that code and no message. */
#define KALIMA_EXPORT(name) __attribute__((export_name(#name))) int32_t name(void)
#define KALIMA_VALIDATE KALIMA_EXPORT(validate)
#define KALIMA_REACT KALIMA_EXPORT(react)
#define KALIMA_QUERY KALIMA_EXPORT(query)
#define KALIMA_MIGRATE KALIMA_EXPORT(migrate)
#define KALIMA_ACCEPT 0

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
	KALIMA_NUMBER_OPINDEX = 6   /* position of the operation in its transaction */
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

/* kalima_append writes text at *at of a buffer of cap bytes, keeps it NUL-terminated and
 * moves *at. Text that does not fit ends the call with a trap: a cut key would be wrong. */
void kalima_append(char *buf, size_t cap, size_t *at, const char *text);

/* kalima_append_int is kalima_append of a decimal number. */
void kalima_append_int(char *buf, size_t cap, size_t *at, int64_t number);

#endif
