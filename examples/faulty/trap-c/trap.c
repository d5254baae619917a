/* Dies on every put: it divides by a number of its own state that is not there. */
#include "kalima.h"

KALIMA_VALIDATE
{
	volatile int32_t divisor = kalima_get("", "divisor", NULL, 0) + 1;
	kalima_put_string("", "never", "written");
	return 1000 / divisor; /* not 1: the compiler has a shorter way for that */
}
