/* Walks through entries with a buffer of as many bytes as the event's value says. Writes how
 * many there were, how long their values are together, and the last key. */
#include <stdlib.h>

#include "kalima.h"

KALIMA_VALIDATE
{
	static char buf[KALIMA_MAX_ANSWER], out[400], last[KALIMA_MAX_KEY + 1];
	size_t at = 0, cap = (size_t)atoi(kalima_event()->value);
	int64_t count = 0, size = 0;

	kalima_scan_t s = kalima_scan("/walk", "k000", "", buf, cap);
	while (kalima_scan_next(&s)) {
		count++;
		size += (int64_t)s.value_len;
		size_t n = 0;
		kalima_append(last, sizeof last, &n, s.key);
	}
	if (kalima_scan_next(&s))
		__builtin_trap(); /* the end stays the end */
	kalima_append_int(out, sizeof out, &at, count);
	kalima_append(out, sizeof out, &at, " ");
	kalima_append_int(out, sizeof out, &at, size);
	kalima_append(out, sizeof out, &at, " ");
	kalima_append(out, sizeof out, &at, last);
	kalima_put("", "out", out, at);

	/* Many values: their length is known before there is room for them. */
	kalima_key_t keys[] = {{"/walk", "k001"}, {"", "none"}, {"/walk", "k002"}};
	kalima_value_t values[3] = {{NULL, 77}};
	int32_t need = kalima_get_many(keys, 3, values, buf, 4);
	KALIMA_REJECT_IF(need <= 12 || values[0].len != 77, 1, "values in a buffer of 4 bytes");
	KALIMA_REJECT_IF(kalima_get_many(keys, 3, values, buf, (size_t)need) != need, 2, "another length");
	KALIMA_REJECT_IF(values[1].len != KALIMA_NONE || values[0].bytes[0] != 'v', 3, "not the values");
	KALIMA_REJECT_IF(values[0].len + values[2].len + 12 != need, 4, "not the lengths");
	return KALIMA_ACCEPT;
}
