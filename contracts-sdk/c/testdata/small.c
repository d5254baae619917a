/* The contract "small" of package hosttest: has validate alone. */
#include "kalima.h"

KALIMA_VALIDATE { return KALIMA_ACCEPT; }
