// The kernels on which the cost of metering is measured: eight kinds of work, each a
// function from a size to a checksum. Build:
//   clang --target=wasm32 -nostdlib -O2 -fno-builtin -Wl,--no-entry,--strip-all -o ../kernels.wasm kernels.c
#define EXPORT(name) __attribute__((export_name(#name)))
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

static u32 seed;
static u32 next(void) { return seed = seed * 1664525u + 1013904223u; }

// fib: calls and little else.
static u32 fib_of(u32 n) { return n < 2 ? n : fib_of(n - 1) + fib_of(n - 2); }
EXPORT(fib) u32 fib(u32 n) { return fib_of(n); }

// sha256: straight integer code.
static const u32 K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
	0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
	0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
static u32 ror(u32 x, int n) { return x >> n | x << (32 - n); }
EXPORT(sha256) u32 sha256(u32 blocks) {
	u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}, w[64];
	seed = 1;
	while (blocks--) {
		for (int i = 0; i < 16; i++) w[i] = next();
		for (int i = 16; i < 64; i++) {
			u32 a = w[i - 15], b = w[i - 2];
			w[i] = w[i - 16] + w[i - 7] + (ror(a, 7) ^ ror(a, 18) ^ a >> 3) + (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
		}
		u32 s[8];
		for (int i = 0; i < 8; i++) s[i] = h[i];
		for (int i = 0; i < 64; i++) {
			u32 t1 = s[7] + (ror(s[4], 6) ^ ror(s[4], 11) ^ ror(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + K[i] + w[i];
			u32 t2 = (ror(s[0], 2) ^ ror(s[0], 13) ^ ror(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
			for (int j = 7; j > 0; j--) s[j] = s[j - 1];
			s[4] += t1;
			s[0] = t1 + t2;
		}
		for (int i = 0; i < 8; i++) h[i] += s[i];
	}
	return h[0];
}

// sort: branches that nobody can predict.
static u32 items[1 << 14];
static void quick(int lo, int hi) {
	while (lo < hi) {
		u32 p = items[(lo + hi) / 2];
		int i = lo, j = hi;
		while (i <= j) {
			while (items[i] < p) i++;
			while (items[j] > p) j--;
			if (i <= j) {
				u32 t = items[i];
				items[i++] = items[j];
				items[j--] = t;
			}
		}
		if (j - lo < hi - i) {
			quick(lo, j);
			lo = i;
		} else {
			quick(i, hi);
			hi = j;
		}
	}
}
EXPORT(sort) u32 sort(u32 n) {
	seed = 2;
	if (n > sizeof items / sizeof *items) n = sizeof items / sizeof *items;
	for (u32 i = 0; i < n; i++) items[i] = next();
	quick(0, (int)n - 1);
	return items[n / 2];
}

// matmul: floating point in tight loops.
static double A[64][64], B[64][64], C[64][64];
EXPORT(matmul) u32 matmul(u32 rounds) {
	for (int i = 0; i < 64; i++)
		for (int j = 0; j < 64; j++) A[i][j] = i - j, B[i][j] = i * j + 1;
	while (rounds--)
		for (int i = 0; i < 64; i++)
			for (int j = 0; j < 64; j++) {
				double s = 0;
				for (int k = 0; k < 64; k++) s += A[i][k] * B[k][j];
				C[i][j] = s;
			}
	return (u32)(int)C[5][7];
}

// parse: a scanner over text, a branch for every byte.
static char text[1 << 14];
EXPORT(parse) u32 parse(u32 rounds) {
	static const char piece[] = "{\"key\": 12.5, \"list\": [1, 2, 3, true], \"name\": \"press 4\"} ";
	u32 n = 0, sum = 0;
	while (n + sizeof piece < sizeof text)
		for (u32 i = 0; i < sizeof piece - 1; i++) text[n++] = piece[i];
	while (rounds--) {
		u32 depth = 0, number = 0;
		int quoted = 0;
		for (u32 i = 0; i < n; i++) {
			char c = text[i];
			if (quoted) {
				if (c == '"') quoted = 0;
				else sum += c;
			} else switch (c) {
				case '"': quoted = 1; break;
				case '{': case '[': depth++; break;
				case '}': case ']': depth--; sum += number; number = 0; break;
				case ',': sum += number * depth; number = 0; break;
				default: if (c >= '0' && c <= '9') number = number * 10 + (c - '0');
			}
		}
	}
	return sum;
}

// hash: a table with chains, memory and dependent loads.
static struct node { u32 key, value, next; } nodes[1 << 12];
static u32 heads[1 << 10];
EXPORT(hash) u32 hash(u32 n) {
	u32 used = 1, sum = 0;
	seed = 3;
	for (u32 i = 0; i < sizeof heads / sizeof *heads; i++) heads[i] = 0;
	while (n--) {
		u32 key = next() >> 20, slot = key * 2654435761u >> 22, at = heads[slot];
		while (at && nodes[at].key != key) at = nodes[at].next;
		if (at) sum += nodes[at].value++;
		else if (used < sizeof nodes / sizeof *nodes) {
			nodes[used].key = key, nodes[used].value = 1, nodes[used].next = heads[slot];
			heads[slot] = used++;
		}
	}
	return sum;
}

// bodies: floating point with divisions and square roots.
EXPORT(bodies) u32 bodies(u32 steps) {
	double x[5], y[5], vx[5], vy[5], m[5];
	for (int i = 0; i < 5; i++) x[i] = i * 3 + 1, y[i] = i * i, vx[i] = 0, vy[i] = i, m[i] = 5 - i;
	while (steps--) {
		for (int i = 0; i < 5; i++)
			for (int j = i + 1; j < 5; j++) {
				double dx = x[i] - x[j], dy = y[i] - y[j], d2 = dx * dx + dy * dy + 0.01;
				double f = 0.001 / (d2 * __builtin_sqrt(d2));
				vx[i] -= dx * m[j] * f, vy[i] -= dy * m[j] * f;
				vx[j] += dx * m[i] * f, vy[j] += dy * m[i] * f;
			}
		for (int i = 0; i < 5; i++) x[i] += 0.001 * vx[i], y[i] += 0.001 * vy[i];
	}
	return (u32)(int)(x[0] * 1000);
}

// table: indirect calls, as an interpreter or a method table makes them.
static u32 op_add(u32 a, u32 b) { return a + b; }
static u32 op_xor(u32 a, u32 b) { return a ^ b; }
static u32 op_mul(u32 a, u32 b) { return a * (b | 1); }
static u32 op_rot(u32 a, u32 b) { return ror(a, b & 15) + 1; }
static u32 (*volatile table_ops[4])(u32, u32) = {op_add, op_xor, op_mul, op_rot};
EXPORT(table) u32 table(u32 n) {
	u32 a = 1;
	seed = 4;
	while (n--) {
		u32 r = next() >> 16;
		a = table_ops[r & 3](a, r);
	}
	return a;
}
