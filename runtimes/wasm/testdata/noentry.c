// A contract without an entry.
__attribute__((export_name("kalima_abi"))) int kalima_abi(void) { return 1; }
__attribute__((export_name("other"))) int other(void) { return 0; }
