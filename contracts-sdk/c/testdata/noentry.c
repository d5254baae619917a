/* The contract "noentry" of package hosttest: has no entry. */
#include "kalima.h"

KALIMA_EXPORT(other) { return KALIMA_ACCEPT; }
