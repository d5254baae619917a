/* Takes memory without end. */
#include <stdlib.h>

#include "kalima.h"

KALIMA_VALIDATE
{
	kalima_put_string("", "never", "written");
	for (volatile char *block; (block = malloc(1 << 20)) != NULL;)
		*block = 1;
	__builtin_trap();
}
