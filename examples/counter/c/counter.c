/* Counts what is put under each address. */
#include "kalima.h"

KALIMA_VALIDATE
{
	char text[24];
	size_t at = 0;
	const char *address = kalima_event()->address;
	int64_t count = 0;
	int32_t n = kalima_get_string("", address, text, sizeof text);
	for (int32_t i = 0; i < n; i++)
		count = count * 10 + (text[i] - '0');
	kalima_append_int(text, sizeof text, &at, count + 1);
	kalima_put("", address, text, at);
	return KALIMA_ACCEPT;
}

KALIMA_QUERY
{
	char text[24];
	int32_t n = kalima_get_string("", kalima_event()->key, text, sizeof text);
	kalima_reply(n == KALIMA_NONE ? "0" : text, n == KALIMA_NONE ? 1 : (size_t)n);
	return KALIMA_ACCEPT;
}
