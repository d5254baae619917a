/* The contract "abi2" of package hosttest: built for an ABI version that is not there yet. */
#include <stdint.h>

__attribute__((export_name("kalima_abi"))) int32_t kalima_abi(void) { return 2; }
__attribute__((export_name("validate"))) int32_t validate(void) { return 0; }
