// Contracts that are refused at loading; -DCASE_... chooses which.
#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(module, name) __attribute__((import_module(#module), import_name(#name)))
#ifdef CASE_UNKNOWN
IMPORT(kalima, steal) int imported(void);
#elif defined CASE_TYPE
IMPORT(kalima, number) int imported(void);
#elif defined CASE_MODULE
IMPORT(env, getenv) int imported(void);
#else
static int imported(void) { return 0; }
#endif
#ifndef CASE_VERSION
EXPORT(kalima_abi) int kalima_abi(void) { return 1; }
#endif
#ifdef CASE_ENTRY
EXPORT(other) int other(void) { return imported(); }
#elif defined CASE_SIGNATURE
EXPORT(validate) int validate(int x) { return imported() + x; }
#else
EXPORT(validate) int validate(void) { return imported(); }
#endif
#ifdef CASE_MAIN
EXPORT(_start) void _start(void) {}
#endif
#ifdef CASE_INIT
EXPORT(_initialize) void _initialize(void) { __builtin_trap(); }
#elif defined CASE_INITLOOP
static volatile int x;
EXPORT(_initialize) void _initialize(void) { for (;;) x++; }
#endif
