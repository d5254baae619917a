/* The contract "noversion" of package hosttest: does not say which ABI it was built for. */
#include <stdint.h>

/* In the place of the SDK's, and not exported. */
int32_t kalima_abi(void) { return 1; }
__attribute__((export_name("validate"))) int32_t validate(void) { return 0; }
