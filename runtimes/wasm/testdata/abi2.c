// A contract of an ABI version that does not exist yet; -DIMPORTS_OLD imports from version 1.
#ifdef IMPORTS_OLD
__attribute__((import_module("kalima"), import_name("number"))) long long number(int id);
#else
static long long number(int id) { return id; }
#endif
__attribute__((export_name("kalima_abi"))) int kalima_abi(void) { return 2; }
__attribute__((export_name("validate"))) int validate(void) { return (int)number(4) - (int)number(4); }
