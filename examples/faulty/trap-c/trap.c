/* Dies on every put: it divides by the length of an own value that is not there. */
#include "kalima.h"

KALIMA_VALIDATE
{
	volatile int32_t length = kalima_get("", "divisor", NULL, 0) + 1;
	kalima_put_string("", "never", "written");
	return 1 / length;
}
