/* Never comes back. */
#include "kalima.h"

KALIMA_VALIDATE
{
	kalima_put_string("", "never", "written");
	for (volatile uint32_t i = 0;; i++)
		;
}
