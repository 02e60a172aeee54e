/* What every generated kernel is compiled with: scalar functions that the compiler can vectorise, and the drivers that repeat a row.
   Single-precision functions err by at most two and a half units in the last place (exp and log by one); NaN, infinities and denormals are right.
   Coefficients are minimax fits, made by weighted least squares for this file. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef __SSE__
#include <xmmintrin.h>
#else
#include <fenv.h>
#endif

typedef ptrdiff_t intp;
#define INLINE static inline __attribute__((always_inline, unused))

INLINE float as_float(int32_t i) { float f; memcpy(&f, &i, 4); return f; }
INLINE int32_t as_int(float f) { int32_t i; memcpy(&i, &f, 4); return i; }
INLINE float pow2(int32_t n) { return as_float((n + 127) << 23); }

/* x = k ln2 + r with |r| <= ln2 / 2; adding 1.5 * 2^23 rounds k to an integer and leaves it in the low bits */
INLINE float reduce_ln2(float x, int32_t *k) {
    float shifted = x * 0x1.715476p+0f + 0x1.8p+23f;
    *k = as_int(shifted) - as_int(0x1.8p+23f);
    float whole = shifted - 0x1.8p+23f;
    return (x - whole * 0x1.63p-1f) + whole * 0x1.bd0106p-13f;
}

INLINE float fl_expf(float x) {
    int32_t k;
    x = x > 89.f ? 89.f : x;
    x = x < -104.f ? -104.f : x;
    float r = reduce_ln2(x, &k);
    float q = 0x1.9f0818p-13f;
    q = q * r + 0x1.6d8db2p-10f; q = q * r + 0x1.111272p-7f; q = q * r + 0x1.55548ep-5f; q = q * r + 0x1.555554p-3f; q = q * r + 0.5f;
    q = q * (r * r) + r + 1.f;
    int32_t half = k >> 1;  /* two factors: 2^k alone may overflow or be denormal */
    return q * pow2(half) * pow2(k - half);
}

INLINE float expm1_reduced(float r) { /* |r| <= ln2 / 2 */
    float q = 0x1.a19ee4p-13f;
    q = q * r + 0x1.6d7540p-10f; q = q * r + 0x1.111092p-7f; q = q * r + 0x1.5554aep-5f; q = q * r + 0x1.555556p-3f; q = q * r + 0.5f;
    return q * (r * r) + r;
}

INLINE float fl_expm1f(float x) {
    int32_t k;
    float c = x > 89.f ? 89.f : x;
    c = c < -18.f ? -18.f : c;
    float q = expm1_reduced(reduce_ln2(c, &k));
    float half = pow2(k - 1);
    float y = 2.f * (half * q + (half - 0.5f));
    return fabsf(x) < 0x1p-25f ? x : y;  /* keeps denormals and the sign of zero */
}

INLINE float log_of(float x, float tail) { /* log(x) + tail / x, for x > 0 */
    int tiny = x < 0x1p-126f;
    float s = tiny ? x * 0x1p+23f : x;
    int32_t i = as_int(s) - 0x3f3504f3;  /* bits of sqrt(1/2): the mantissa lands in [sqrt(1/2), sqrt(2)) */
    int32_t e = i >> 23;
    float f = as_float((i & 0x7fffff) + 0x3f3504f3) - 1.f;
    float k = (float)(e - (tiny ? 23 : 0));
    float q = 0x1.1b40f4p-4f;
    q = q * f - 0x1.e2e936p-4f; q = q * f + 0x1.e65136p-4f; q = q * f - 0x1.fb434ap-4f; q = q * f + 0x1.2332b8p-3f;
    q = q * f - 0x1.5562e2p-3f; q = q * f + 0x1.99a546p-3f; q = q * f - 0x1.ffffeep-3f; q = q * f + 0x1.555546p-2f;
    float square = f * f;
    return k * 0x1.63p-1f + (f + (square * f * q - 0.5f * square + (tail / x - k * 0x1.bd0106p-13f)));
}

INLINE float log_edges(float x, float y) {
    y = x == 0.f ? -INFINITY : y;
    y = x < 0.f ? NAN : y;
    return x < INFINITY ? y : x;  /* infinity and NaN pass */
}

INLINE float fl_logf(float x) { return log_edges(x, log_of(x, 0.f)); }

INLINE float fl_log1pf(float x) {
    float u = 1.f + x;  /* the tail is what rounding 1 + x lost */
    float tail = x > 1.f ? 1.f - (u - x) : x - (u - 1.f);
    float y = log_edges(u, log_of(u, tail));
    return x == 0.f ? x : y;
}

INLINE float fl_tanhf(float x) {
    float a = fabsf(x);
    float m = fl_expm1f(2.f * (a > 10.f ? 10.f : a));
    return copysignf(m / (m + 2.f), x);
}

INLINE float fl_erff(float x) { /* erf(a) = 1 - exp(-a Q(a)), by the exponential's own reduction, which loses nothing near zero */
    float a = fabsf(x);
    a = a > 4.f ? 4.f : a;
    float q = -0x1.369794p-17f;
    q = q * a + 0x1.ed6d48p-14f; q = q * a - 0x1.4bca52p-11f; q = q * a + 0x1.b500aap-10f; q = q * a - 0x1.5062a6p-13f;
    q = q * a - 0x1.39cdc4p-6f; q = q * a + 0x1.a4fa5ep-4f; q = q * a + 0x1.45f2fap-1f; q = q * a + 0x1.06eba8p-3f; /* less one, which the next line adds exactly */
    int32_t k;
    float y = expm1_reduced(reduce_ln2(-(a + a * q), &k)), scale = pow2(k);
    return copysignf((1.f - scale) - scale * y, x);
}

INLINE double fl_exp(double x) { return exp(x); }
INLINE double fl_expm1(double x) { return expm1(x); }
INLINE double fl_log(double x) { return log(x); }
INLINE double fl_log1p(double x) { return log1p(x); }
INLINE double fl_tanh(double x) { return tanh(x); }
INLINE double fl_erf(double x) { return erf(x); }

#define FLOATING(T, s)                                                                             \
    INLINE T fl_abs##s(T a) { return fabs##s(a); }                                                 \
    INLINE T fl_sign##s(T a) { return a > 0 ? 1 : a < 0 ? -1 : a == 0 ? 0 : a; }                   \
    INLINE int fl_isinf##s(T a) { return fabs##s(a) == INFINITY; }                                 \
    INLINE int fl_isfinite##s(T a) { return fabs##s(a) < INFINITY; }                               \
    INLINE T fl_max##s(T a, T b) { return a > b || a != a ? a : b; }                               \
    INLINE T fl_min##s(T a, T b) { return a < b || a != a ? a : b; }
#define INTEGER(T, s)                                                                              \
    INLINE T fl_max##s(T a, T b) { return a > b ? a : b; }                                         \
    INLINE T fl_min##s(T a, T b) { return a < b ? a : b; }
FLOATING(float, f)
FLOATING(double, )
INTEGER(int32_t, i)
INTEGER(int64_t, l)

/* ---- drivers ---- */

typedef struct {
    void (*row)(intp n, char **operands, char *scratch); /* operands are contiguous along n */
    int inputs, operands;
    int price;            /* of one element */
    intp scratch;         /* bytes of scratch an element */
    int grid;             /* the rows are a core axis; the gufunc's own loop goes around them */
    int rows, n;          /* which of dims, or -1 for an extent of one */
    const int *itemsize, *along, *folded; /* of each operand: bytes, whether it lies along n, whether it is summed over the rows */
    const int *row_step, *core_step;      /* which of steps, or -1 for a stride of zero */
} program;

#define OPERANDS 32            /* at most; NumPy has the same bound */
#define TILE 16                /* rows gathered together when the core axis is strided: a cache line of the neighbours */
#define BLOCK_ROWS 128         /* rows of one partial sum, at least */
#define BLOCKS 64              /* partial sums, at most */
#define CHUNK 1024             /* elements gathered together by the elementwise driver */
#define PARALLEL 400000        /* price from which threads pay */

static void *claim(intp bytes) {
    void *p = malloc(bytes ? bytes : 1);
    if (!p) { fprintf(stderr, "flambeau: out of memory for %td bytes of kernel scratch\n", bytes); abort(); }
    return p;
}

static void clear_flags(void) { /* NumPy would turn what a loop met on the way into warnings */
#ifdef __SSE__
    _mm_setcsr(_mm_getcsr() & ~0x3fu);
#else
    feclearexcept(FE_ALL_EXCEPT);
#endif
}

#define COPY(T) for (intp j = 0; j < n; j++) for (intp r = 0; r < rows; r++) \
    *(T *)(to + r * to_row + j * to_step) = *(const T *)(from + r * from_row + j * from_step);
static void copy(char *to, intp to_row, intp to_step, const char *from, intp from_row, intp from_step, intp rows, intp n, int itemsize) {
    switch (itemsize) {
    case 1: COPY(char) break;
    case 4: COPY(int32_t) break;
    default: COPY(int64_t) break;
    }
}

static void some_rows(const program *p, char **args, const intp *outer, const intp *core, intp lo, intp hi, intp n) {
    char *operand[OPERANDS], *buffer[OPERANDS] = {0};
    _Alignas(64) char small[16384];
    char *scratch = p->scratch * n <= (intp)sizeof small ? small : claim(p->scratch * n);
    intp tile = n <= 65536 ? TILE : 1, pitch = n + 16; /* neighbouring rows of a buffer fall on different cache sets */
    int strided = 0;
    for (int k = 0; k < p->operands; k++)
        if (p->along[k] && !p->folded[k] && core[k] != p->itemsize[k] && n > 1) buffer[k] = claim(tile * pitch * p->itemsize[k]), strided = 1;
    if (!strided) tile = hi - lo;
    for (intp first = lo; first < hi; first += tile) {
        intp rows = hi - first < tile ? hi - first : tile;
        for (int k = 0; k < p->inputs; k++)
            if (buffer[k]) copy(buffer[k], pitch * p->itemsize[k], p->itemsize[k], args[k] + first * outer[k], outer[k], core[k], rows, n, p->itemsize[k]);
        for (intp r = 0; r < rows; r++) {
            for (int k = 0; k < p->operands; k++) operand[k] = buffer[k] ? buffer[k] + r * pitch * p->itemsize[k] : args[k] + (first + r) * outer[k];
            p->row(n, operand, scratch);
        }
        for (int k = p->inputs; k < p->operands; k++)
            if (buffer[k]) copy(args[k] + first * outer[k], outer[k], core[k], buffer[k], pitch * p->itemsize[k], p->itemsize[k], rows, n, p->itemsize[k]);
    }
    for (int k = 0; k < p->operands; k++) free(buffer[k]);
    if (scratch != small) free(scratch);
}

static void some_elements(const program *p, char **args, const intp *step, intp lo, intp hi) {
    char *operand[OPERANDS], *buffer[OPERANDS] = {0};
    _Alignas(64) char room[8 * CHUNK * 4];
    char *rest = room;
    int strided = 0;
    for (int k = 0; k < p->operands; k++) {
        operand[k] = args[k] + lo * step[k];
        if (!p->along[k]) continue;
        if (step[k] == p->itemsize[k] || hi - lo <= 1) continue;
        strided = 1;
        intp size = CHUNK * p->itemsize[k];
        if (rest + size <= room + sizeof room) buffer[k] = rest, rest += size;
        else buffer[k] = claim(size);
        intp fill = hi - lo < CHUNK ? hi - lo : CHUNK;
        if (k < p->inputs && step[k] == 0) copy(buffer[k], 0, p->itemsize[k], operand[k], 0, 0, 1, fill, p->itemsize[k]);
    }
    if (!strided) {
        p->row(hi - lo, operand, NULL);
        return;
    }
    for (intp first = lo; first < hi; first += CHUNK) {
        intp n = hi - first < CHUNK ? hi - first : CHUNK;
        for (int k = 0; k < p->operands; k++) {
            operand[k] = buffer[k] ? buffer[k] : args[k] + first * step[k];
            if (buffer[k] && k < p->inputs && step[k]) copy(buffer[k], 0, p->itemsize[k], args[k] + first * step[k], 0, step[k], 1, n, p->itemsize[k]);
        }
        p->row(n, operand, NULL);
        for (int k = p->inputs; k < p->operands; k++)
            if (buffer[k]) copy(args[k] + first * step[k], 0, step[k], buffer[k], 0, p->itemsize[k], 1, n, p->itemsize[k]);
    }
    for (int k = 0; k < p->operands; k++)
        if (buffer[k] && (buffer[k] < room || buffer[k] >= room + sizeof room)) free(buffer[k]);
}

static void work(const program *p, char **args, const intp *outer, const intp *core, intp rows, intp n, int threads) {
#ifdef _OPENMP
    if (threads > 1 && rows > 1 && (double)rows * n * p->price > PARALLEL) {
        #pragma omp parallel num_threads(threads)
        {
            intp of = omp_get_num_threads(), me = omp_get_thread_num();
            some_rows(p, args, outer, core, rows * me / of, rows * (me + 1) / of, n);
        }
        return;
    }
#endif
    (void)threads;
    some_rows(p, args, outer, core, 0, rows, n);
}

/* Sums over the rows: blocks of rows have partial sums of their own, added in order, so that threads do not change the result. */
static void work_folded(const program *p, char **args, const intp *outer, const intp *core, intp rows, intp n, int threads) {
    intp blocks = rows / BLOCK_ROWS < 1 ? 1 : rows / BLOCK_ROWS > BLOCKS ? BLOCKS : rows / BLOCK_ROWS;
    char *partial[OPERANDS] = {0};
    for (int k = p->inputs; k < p->operands; k++)
        if (p->folded[k]) memset(partial[k] = claim(blocks * n * p->itemsize[k]), 0, blocks * n * p->itemsize[k]);
    (void)threads;
#ifdef _OPENMP
    #pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && (double)rows * n * p->price > PARALLEL)
#endif
    for (intp b = 0; b < blocks; b++) {
        char *mine[OPERANDS];
        for (int k = 0; k < p->operands; k++) mine[k] = partial[k] ? partial[k] + b * n * p->itemsize[k] : args[k];
        some_rows(p, mine, outer, core, rows * b / blocks, rows * (b + 1) / blocks, n);
    }
    for (int k = p->inputs; k < p->operands; k++) {
        if (!partial[k]) continue;
        for (intp j = 0; j < n; j++) {
            double total = 0;
            for (intp b = 0; b < blocks; b++) total += p->itemsize[k] == 4 ? ((float *)partial[k])[b * n + j] : ((double *)partial[k])[b * n + j];
            if (p->itemsize[k] == 4) *(float *)(args[k] + j * core[k]) = (float)total;
            else *(double *)(args[k] + j * core[k]) = total;
        }
        free(partial[k]);
    }
}

/* A gufunc's inner loop: dims holds the loop's length and each core dimension, steps the loop's strides, then the core ones. */
static void run_rows(const program *p, char **args, const intp *dims, const intp *steps, const int *threads) {
    intp row[OPERANDS], core[OPERANDS], rows = p->grid ? (p->rows < 0 ? 1 : dims[p->rows]) : dims[0], n = p->n < 0 ? 1 : dims[p->n];
    int folds = 0;
    for (int k = 0; k < p->operands; k++) {
        row[k] = p->row_step[k] < 0 ? 0 : steps[p->row_step[k]];
        core[k] = p->core_step[k] < 0 ? 0 : steps[p->core_step[k]];
        folds |= p->folded[k];
    }
    if (!p->grid) work(p, args, row, core, rows, n, *threads);
    else for (intp i = 0; i < dims[0]; i++) {
        char *here[OPERANDS];
        for (int k = 0; k < p->operands; k++) here[k] = args[k] + i * steps[k];
        (folds ? work_folded : work)(p, here, row, core, rows, n, *threads);
    }
    clear_flags();
}

static void run_elements(const program *p, char **args, const intp *dims, const intp *steps, const int *threads) {
    intp n = dims[0];
    for (int k = 0; k < p->inputs; k++) {
        if (p->along[k] || steps[k] == 0 || n <= 1) continue;
        for (intp i = 0; i < n; i++) { /* an input that was to be one number is not: element by element, then */
            char *here[OPERANDS];
            for (int o = 0; o < p->operands; o++) here[o] = args[o] + i * steps[o];
            p->row(1, here, NULL);
        }
        clear_flags();
        return;
    }
#ifdef _OPENMP
    if (*threads > 1 && (double)n * p->price > PARALLEL) {
        #pragma omp parallel num_threads(*threads)
        {
            intp of = omp_get_num_threads(), me = omp_get_thread_num(), share = (n / of + 63) & ~(intp)63;
            intp lo = me * share < n ? me * share : n, hi = me + 1 == of ? n : lo + share < n ? lo + share : n;
            if (lo < hi) some_elements(p, args, steps, lo, hi);
        }
    } else
#endif
        some_elements(p, args, steps, 0, n);
    (void)threads;
    clear_flags();
}
