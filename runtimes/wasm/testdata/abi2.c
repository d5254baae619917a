// A contract of an ABI version that does not exist yet.
__attribute__((export_name("kalima_abi"))) int kalima_abi(void) { return 2; }
__attribute__((export_name("validate"))) int validate(void) { return 0; }
