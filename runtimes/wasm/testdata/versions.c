// Contracts of ABI versions 1 and 2, -DABI=..., where a test's version 2 has another get: it
// takes the address and the key as one, and returns an i64. -DIMPORT=... says where from.
#define STRING_(x) #x
#define STRING(x) STRING_(x)
#ifndef IMPORT
#if ABI == 1
#define IMPORT kalima
#else
#define IMPORT kalima2
#endif
#endif
#define KALIMA(name) __attribute__((import_module(STRING(IMPORT)), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))
typedef unsigned int u32;

KALIMA(put) void k_put(const void *a, u32 al, const void *k, u32 kl, const void *v, u32 vl);
#if ABI == 1
KALIMA(get) int k_get(const void *a, u32 al, const void *k, u32 kl, void *buf, u32 cap);
#else
KALIMA(get) long long k_get(const void *name, u32 nl, void *buf, u32 cap);
#endif
#ifdef LATER
KALIMA(later) void k_later(void);
#endif

EXPORT(kalima_abi) int kalima_abi(void) { return ABI; }
EXPORT(validate) int validate(void) {
	char v[64];
#if ABI == 1
	int n = k_get("", 0, "k", 1, v, sizeof v);
#else
	long long n = k_get("#k", 2, v, sizeof v);
#endif
#ifdef LATER
	k_later();
#endif
	if (n < 0) return 7;
	k_put("", 0, "out", 3, v, (u32)n);
	return 0;
}
