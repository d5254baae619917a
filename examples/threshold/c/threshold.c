/* The contract of examples/threshold in C: per key it keeps count, minimum, maximum and
 * last alarm, and raises an alarm with hysteresis. The README beside this folder says
 * exactly what it does. */
#include <stdlib.h>
#include <string.h>

#include "kalima.h"

#define SETTINGS_KEY "_threshold"
#define DEFAULT_SETTINGS "100 90"
#define ALARMS "/alarms"
#define MAX_NUMBER 64
#define MAX_COUNT 15 /* digits */
#define MAX_RECORD 512 /* a count, two numbers, a flag and a time take less than half */

/* The reasons for a rejection. */
enum { NOT_A_NUMBER = 1, NAME_TOO_LONG = 2, BAD_SETTINGS = 3, BROKEN_RECORD = 4 };

/* The record of one key: "count min max alarm last". */
struct stats {
	char text[MAX_RECORD]; /* what min, max, alarm and last point into */
	int64_t count;
	const char *min, *max; /* as they were written */
	const char *alarm;     /* "1" while the alarm is raised, else "0" */
	const char *last;      /* time of the last alarm raised, "0" before the first */
};

static size_t digits(const char *s)
{
	size_t n = 0;
	while (s[n] >= '0' && s[n] <= '9')
		n++;
	return n;
}

static size_t sign(const char *s) { return *s == '+' || *s == '-'; }

/* parse_number reads a number by the grammar of the README. The scan comes first, so that
 * all five languages accept the same texts; strtod alone would take 0x10 and inf. */
static int parse_number(const char *text, double *number)
{
	const char *p = text + sign(text);
	size_t n = digits(p);

	if (n == 0)
		return 0;
	p += n;
	if (*p == '.') {
		n = digits(++p);
		if (n == 0)
			return 0;
		p += n;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		p += sign(p);
		n = digits(p);
		if (n == 0 || n > 3 || strtol(p, NULL, 10) > 200)
			return 0;
		p += n;
	}
	if (*p != 0 || p - text > MAX_NUMBER)
		return 0;
	*number = strtod(text, NULL);
	return 1;
}

/* cut ends text at its first space and returns what follows, or NULL. */
static char *cut(char *text)
{
	char *space = strchr(text, ' ');
	if (!space)
		return NULL;
	*space = 0;
	return space + 1;
}

/* parse_settings reads "high low", where low is at most high. It changes text. */
static int parse_settings(char *text, double *high, double *low)
{
	char *rest = cut(text);
	return rest && parse_number(text, high) && parse_number(rest, low) && *low <= *high;
}

/* parse_stats reads s->text. */
static int parse_stats(struct stats *s)
{
	double number;
	char *min = cut(s->text), *max = min ? cut(min) : NULL;
	char *alarm = max ? cut(max) : NULL, *last = alarm ? cut(alarm) : NULL;
	size_t n = digits(s->text);

	if (!last || strchr(last, ' ') || n == 0 || n > MAX_COUNT || s->text[n] != 0)
		return 0;
	s->count = strtoll(s->text, NULL, 10);
	s->min = min, s->max = max, s->alarm = alarm, s->last = last;
	return parse_number(min, &number) && parse_number(max, &number);
}

/* join writes the words with single spaces between them. */
static void join(char *buf, size_t cap, const char **words, int count)
{
	size_t at = 0;
	for (int i = 0; i < count; i++) {
		if (i > 0)
			kalima_append(buf, cap, &at, " ");
		kalima_append(buf, cap, &at, words[i]);
	}
}

/* fits reports whether every name that the contract needs is short enough. */
static int fits(const char *address, const char *key)
{
	size_t segments = 0, max = KALIMA_MAX_KEY - strlen("#");
	for (const char *p = address; *p; p++)
		segments += *p == '/';
	return strlen(address) + strlen(key) <= max && strlen(address) + strlen(SETTINGS_KEY) <= max &&
	       segments < KALIMA_MAX_SEGMENTS;
}

/* name writes a key of the contract's own state, "<address>#<key>". */
static void name(char record[KALIMA_MAX_KEY + 1], const char *address, const char *key)
{
	size_t at = 0;
	kalima_append(record, KALIMA_MAX_KEY + 1, &at, address);
	kalima_append(record, KALIMA_MAX_KEY + 1, &at, "#");
	kalima_append(record, KALIMA_MAX_KEY + 1, &at, key);
}

/* update takes the value into the record and returns the change of the alarm: "high",
 * "clear" or NULL. */
static const char *update(struct stats *s, const char *value, double v, const char *now, double high, double low)
{
	double number;
	s->count++;
	if (parse_number(s->min, &number) && v < number)
		s->min = value;
	if (parse_number(s->max, &number) && v > number)
		s->max = value;
	if (strcmp(s->alarm, "0") == 0 && v > high) {
		s->alarm = "1";
		s->last = now;
		return "high";
	}
	if (strcmp(s->alarm, "1") == 0 && v < low) {
		s->alarm = "0";
		return "clear";
	}
	return NULL;
}

/* load reads a value of the contract's own state, or the words instead when there is none. */
static void load(const char *key, char *buf, size_t cap, const char **instead, int count)
{
	if (kalima_get_string("", key, buf, cap) == KALIMA_NONE)
		join(buf, cap, instead, count);
}

KALIMA_VALIDATE
{
	static struct stats s;
	static char record[KALIMA_MAX_KEY + 1], settings_record[KALIMA_MAX_KEY + 1], settings[MAX_RECORD];
	static char alarm[KALIMA_MAX_ADDRESS + 1], out[MAX_RECORD], count[24], now[24];
	double v, high, low;
	size_t at = 0;

	if (kalima_number(KALIMA_NUMBER_OP) == KALIMA_OP_DELETE)
		return KALIMA_ACCEPT;
	const kalima_event_t *e = kalima_event();
	if (!fits(e->address, e->key))
		kalima_reject(NAME_TOO_LONG, "address or key is too long");
	name(record, e->address, e->key);
	name(settings_record, e->address, SETTINGS_KEY);
	int text = strlen(e->value) == e->value_len; /* a NUL is no part of a number */
	if (strcmp(e->key, SETTINGS_KEY) == 0) {
		if (text && e->value_len < MAX_RECORD)
			strcpy(settings, e->value);
		if (!parse_settings(settings, &high, &low))
			kalima_reject(BAD_SETTINGS, "threshold must be: high low");
		kalima_put("", record, e->value, e->value_len);
		return KALIMA_ACCEPT;
	}
	if (!text || !parse_number(e->value, &v))
		kalima_reject(NOT_A_NUMBER, "value is not a number");
	load(settings_record, settings, sizeof settings, (const char *[]){DEFAULT_SETTINGS}, 1);
	load(record, s.text, sizeof s.text, (const char *[]){"0", e->value, e->value, "0", "0"}, 5);
	if (!parse_settings(settings, &high, &low) || !parse_stats(&s))
		kalima_reject(BROKEN_RECORD, "record is not readable");

	kalima_append_int(now, sizeof now, &at, e->time);
	const char *change = update(&s, e->value, v, now, high, low);
	at = 0;
	kalima_append_int(count, sizeof count, &at, s.count);
	join(out, sizeof out, (const char *[]){count, s.min, s.max, s.alarm, s.last}, 5);
	kalima_put_string("", record, out);
	if (change) {
		at = 0;
		kalima_append(alarm, sizeof alarm, &at, ALARMS);
		kalima_append(alarm, sizeof alarm, &at, e->address);
		join(out, sizeof out, (const char *[]){change, e->value, now}, 3);
		kalima_put_string(alarm, e->key, out);
	}
	return KALIMA_ACCEPT;
}
