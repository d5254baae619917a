// A contract that does not say which ABI it was built for.
__attribute__((export_name("validate"))) int validate(void) { return 0; }
