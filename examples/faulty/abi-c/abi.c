/* Was built for ABI version 2, which this chain does not know. */
#include <stdint.h>

__attribute__((export_name("kalima_abi"))) int32_t kalima_abi(void) { return 2; }
__attribute__((export_name("validate"))) int32_t validate(void) { return 0; }
