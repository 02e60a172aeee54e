/* Windows over three spatial axes in C: columns of a convolution, their transpose, depthwise convolution, and max pooling.
   Fewer axes come with leading extents of one. Strides count elements. Every result is written by one thread in one order. */
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef int64_t i64;
typedef struct {
    i64 n, c;                  /* images and channels */
    i64 size[3], kernel[3], out[3];
    i64 stride[3], padding[3], dilation[3]; /* output o reads input o * stride - padding + k * dilation */
    i64 image, channel, step[3]; /* strides of x */
} geometry;

/* outputs lo <= o < hi whose input o * stride + offset lies inside 0 <= i < size */
static void inside(i64 offset, i64 stride, i64 size, i64 out, i64 *lo, i64 *hi) {
    i64 a = offset >= 0 ? 0 : (-offset + stride - 1) / stride, b = size > offset ? (size - offset + stride - 1) / stride : 0;
    *lo = a < out ? a : out;
    *hi = b < out ? b : out;
    if (*hi < *lo) *hi = *lo;
}

/* a loop over threads, or without the half microsecond that asking for one thread costs */
#define PARALLEL(...) \
    if (threads > 1) { _Pragma("omp parallel for schedule(static) num_threads(threads)") __VA_ARGS__ } else { __VA_ARGS__ }

#define DEFINE(T, name) \
\
/* x -> (c, kernel, n, out) */ \
void columns_##name(const T *x, T *columns, const geometry *g, int threads) { \
    i64 taps = g->kernel[0] * g->kernel[1] * g->kernel[2], pixels = g->out[0] * g->out[1] * g->out[2]; \
    PARALLEL(for (i64 row = 0; row < g->c * taps; row++) { \
        i64 c = row / taps, k0 = row % taps / (g->kernel[1] * g->kernel[2]), k1 = row / g->kernel[2] % g->kernel[1], k2 = row % g->kernel[2]; \
        i64 offset = k2 * g->dilation[2] - g->padding[2], lo, hi, step = g->step[2] * g->stride[2]; \
        inside(offset, g->stride[2], g->size[2], g->out[2], &lo, &hi); \
        T *to = columns + row * g->n * pixels; \
        for (i64 i = 0; i < g->n; i++) for (i64 o0 = 0; o0 < g->out[0]; o0++) for (i64 o1 = 0; o1 < g->out[1]; o1++, to += g->out[2]) { \
            i64 z = o0 * g->stride[0] - g->padding[0] + k0 * g->dilation[0], y = o1 * g->stride[1] - g->padding[1] + k1 * g->dilation[1]; \
            if (z < 0 || z >= g->size[0] || y < 0 || y >= g->size[1]) { memset(to, 0, g->out[2] * sizeof(T)); continue; } \
            const T *from = x + i * g->image + c * g->channel + z * g->step[0] + y * g->step[1] + offset * g->step[2]; \
            for (i64 o = 0; o < lo; o++) to[o] = 0; \
            if (step == 1 && hi - lo > 64) memcpy(to + lo, from + lo, (hi - lo) * sizeof(T)); \
            else if (step == 1) { _Pragma("omp simd") for (i64 o = lo; o < hi; o++) to[o] = from[o]; } \
            else for (i64 o = lo; o < hi; o++) to[o] = from[o * step]; \
            for (i64 o = hi; o < g->out[2]; o++) to[o] = 0; \
        } \
    }) \
} \
\
/* the transpose: adds columns where they were read; x is zero before */ \
void fold_##name(T *x, const T *columns, const geometry *g, int threads) { \
    i64 taps = g->kernel[0] * g->kernel[1] * g->kernel[2], pixels = g->out[0] * g->out[1] * g->out[2]; \
    PARALLEL(for (i64 c = 0; c < g->c; c++) for (i64 tap = 0; tap < taps; tap++) { \
        i64 k0 = tap / (g->kernel[1] * g->kernel[2]), k1 = tap / g->kernel[2] % g->kernel[1], k2 = tap % g->kernel[2]; \
        i64 offset = k2 * g->dilation[2] - g->padding[2], lo, hi, step = g->step[2] * g->stride[2]; \
        inside(offset, g->stride[2], g->size[2], g->out[2], &lo, &hi); \
        const T *from = columns + (c * taps + tap) * g->n * pixels; \
        for (i64 i = 0; i < g->n; i++) for (i64 o0 = 0; o0 < g->out[0]; o0++) for (i64 o1 = 0; o1 < g->out[1]; o1++, from += g->out[2]) { \
            i64 z = o0 * g->stride[0] - g->padding[0] + k0 * g->dilation[0], y = o1 * g->stride[1] - g->padding[1] + k1 * g->dilation[1]; \
            if (z < 0 || z >= g->size[0] || y < 0 || y >= g->size[1]) continue; \
            T *to = x + i * g->image + c * g->channel + z * g->step[0] + y * g->step[1] + offset * g->step[2]; \
            if (step == 1) { _Pragma("omp simd") for (i64 o = lo; o < hi; o++) to[o] += from[o]; } \
            else for (i64 o = lo; o < hi; o++) to[o * step] += from[o]; \
        } \
    }) \
} \
\
/* one kernel a channel: y (n, c, out), and what its gradient g sends to x and w; y, x and w are zero before */ \
void depthwise_##name(T *x, T *w, T *y, const geometry *g, int mode, int threads) { \
    i64 taps = g->kernel[0] * g->kernel[1] * g->kernel[2], pixels = g->out[0] * g->out[1] * g->out[2]; \
    PARALLEL(for (i64 c = 0; c < g->c; c++) for (i64 i = 0; i < g->n; i++) for (i64 tap = 0; tap < taps; tap++) { \
        i64 k0 = tap / (g->kernel[1] * g->kernel[2]), k1 = tap / g->kernel[2] % g->kernel[1], k2 = tap % g->kernel[2]; \
        i64 offset = k2 * g->dilation[2] - g->padding[2], lo, hi, step = g->step[2] * g->stride[2]; \
        inside(offset, g->stride[2], g->size[2], g->out[2], &lo, &hi); \
        T weight = w[c * taps + tap], total = 0, *at = y + (i * g->c + c) * pixels; \
        for (i64 o0 = 0; o0 < g->out[0]; o0++) for (i64 o1 = 0; o1 < g->out[1]; o1++, at += g->out[2]) { \
            i64 z = o0 * g->stride[0] - g->padding[0] + k0 * g->dilation[0], r = o1 * g->stride[1] - g->padding[1] + k1 * g->dilation[1]; \
            if (z < 0 || z >= g->size[0] || r < 0 || r >= g->size[1]) continue; \
            T *to = x + i * g->image + c * g->channel + z * g->step[0] + r * g->step[1] + offset * g->step[2]; \
            if (mode == 0) { \
                if (step == 1) { _Pragma("omp simd") for (i64 o = lo; o < hi; o++) at[o] += weight * to[o]; } \
                else for (i64 o = lo; o < hi; o++) at[o] += weight * to[o * step]; \
            } else if (mode == 1) { \
                if (step == 1) { _Pragma("omp simd") for (i64 o = lo; o < hi; o++) to[o] += weight * at[o]; } \
                else for (i64 o = lo; o < hi; o++) to[o * step] += weight * at[o]; \
            } else if (step == 1) { _Pragma("omp simd reduction(+:total)") for (i64 o = lo; o < hi; o++) total += to[o] * at[o]; } \
            else { _Pragma("omp simd reduction(+:total)") for (i64 o = lo; o < hi; o++) total += to[o * step] * at[o]; } \
        } \
        if (mode == 2) w[c * taps + tap] += total; \
    }) \
} \
\
/* planes (n, size) -> largest element of each window (n, out) and its flat place; the first of equals wins, NaN beats all */ \
void max_pool_##name(const T *x, T *y, i64 *where, const geometry *g, int threads) { \
    i64 pixels = g->out[0] * g->out[1] * g->out[2], plane = g->size[0] * g->size[1] * g->size[2]; \
    PARALLEL(for (i64 i = 0; i < g->n; i++) { \
        T *best = y + i * pixels; \
        i64 *place = where + i * pixels; \
        for (i64 o0 = 0; o0 < g->out[0]; o0++) for (i64 o1 = 0; o1 < g->out[1]; o1++, best += g->out[2], place += g->out[2]) { \
            i64 z0 = o0 * g->stride[0] - g->padding[0], r0 = o1 * g->stride[1] - g->padding[1]; \
            int begun = 0; \
            for (i64 o = 0; o < g->out[2]; o++) best[o] = -INFINITY, place[o] = -1; \
            for (i64 k0 = 0; k0 < g->kernel[0]; k0++) for (i64 k1 = 0; k1 < g->kernel[1]; k1++) { \
                i64 z = z0 + k0 * g->dilation[0], r = r0 + k1 * g->dilation[1]; \
                if (z < 0 || z >= g->size[0] || r < 0 || r >= g->size[1]) continue; \
                i64 row = (z * g->size[1] + r) * g->size[2]; \
                for (i64 k2 = 0; k2 < g->kernel[2]; k2++) { \
                    i64 offset = k2 * g->dilation[2] - g->padding[2], lo, hi; \
                    inside(offset, g->stride[2], g->size[2], g->out[2], &lo, &hi); \
                    const T *from = x + i * plane + row + offset; \
                    if (!begun) for (i64 o = lo; o < hi; o++) if (place[o] < 0) place[o] = row + offset + o * g->stride[2]; \
                    i64 stride = g->stride[2], first = row + offset; \
                    _Pragma("omp simd") \
                    for (i64 o = lo; o < hi; o++) { \
                        T value = from[o * stride]; \
                        int better = (value > best[o]) | (value != value); \
                        best[o] = better ? value : best[o]; \
                        place[o] = better ? first + o * stride : place[o]; \
                    } \
                } \
                begun = 1; \
            } \
        } \
    }) \
} \
\
/* adds g (n, pixels) at its places in x (n, plane), which is zero before */ \
void scatter_##name(T *x, const T *g, const i64 *where, i64 n, i64 plane, i64 pixels, int threads) { \
    PARALLEL(for (i64 i = 0; i < n; i++) for (i64 o = 0; o < pixels; o++) x[i * plane + where[i * pixels + o]] += g[i * pixels + o];) \
}

DEFINE(float, f4)
DEFINE(double, f8)

/* The same as loops of generalised ufuncs over whole arrays in order: NumPy hands over pointers in a tenth of the time of ctypes.
   args: the arrays; dims: 1, then their lengths. A geometry comes as an array of int64. */
#define THREADS(n) ((n) > 32768 ? *(int *)data : 1)
#define LOOPS(T, name) \
void max_pool_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    max_pool_##name((T *)args[0], (T *)args[2], (i64 *)args[3], (geometry *)args[1], THREADS(dims[3])); \
} \
void columns_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    columns_##name((T *)args[0], (T *)args[2], (geometry *)args[1], THREADS(dims[3])); \
} \
/* mean of each window; dilation[0] says whether the padding counts */ \
void avg_pool_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    const geometry *g = (geometry *)args[1]; \
    i64 pixels = g->out[0] * g->out[1] * g->out[2], plane = g->size[0] * g->size[1] * g->size[2]; \
    int threads = THREADS(dims[3]); \
    PARALLEL(for (i64 i = 0; i < g->n; i++) { \
        const T *x = (T *)args[0] + i * plane; \
        T *y = (T *)args[2] + i * pixels; \
        for (i64 o = 0; o < pixels; o++) { \
            i64 at[3] = {o / (g->out[1] * g->out[2]), o / g->out[2] % g->out[1], o % g->out[2]}, low[3], high[3], count = 1; \
            for (int d = 0; d < 3; d++) { \
                i64 begin = at[d] * g->stride[d] - g->padding[d], end = begin + g->kernel[d]; \
                if (end > g->size[d] + g->padding[d]) end = g->size[d] + g->padding[d]; \
                low[d] = begin < 0 ? 0 : begin; \
                high[d] = end > g->size[d] ? g->size[d] : end; \
                count *= g->dilation[0] ? end - begin : high[d] - low[d]; \
            } \
            T total = 0; \
            for (i64 z = low[0]; z < high[0]; z++) for (i64 r = low[1]; r < high[1]; r++) for (i64 c = low[2]; c < high[2]; c++) \
                total += x[(z * g->size[1] + r) * g->size[2] + c]; \
            y[o] = total / count; \
        } \
    }) \
}

LOOPS(float, f4)
LOOPS(double, f8)

/* x (n, c, size), w (o, c / groups, kernel), [geometry, o, groups] -> y (n, o, out), where columns would cost more than the products.
   x (outer, n, inner), places (outer, k, inner), [outer, n, inner, k] -> x at its places along the middle axis, and how many lay outside.
   running (c), batch (c), [kept, taken] -> running * kept + batch * taken */
#define SMALL_LOOPS(T, name) \
void convolve_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    const geometry *g = (geometry *)args[2]; \
    const i64 o = ((i64 *)args[2])[25], groups = ((i64 *)args[2])[26], c = g->c / groups; \
    const T *x = (T *)args[0], *w = (T *)args[1]; \
    const i64 taps = g->kernel[0] * g->kernel[1] * g->kernel[2]; \
    T *y = (T *)args[3]; \
    for (i64 i = 0; i < g->n; i++) for (i64 f = 0; f < o; f++) \
        for (i64 o0 = 0; o0 < g->out[0]; o0++) for (i64 o1 = 0; o1 < g->out[1]; o1++) for (i64 o2 = 0; o2 < g->out[2]; o2++) { \
            const T *plane = x + i * g->image + f / (o / groups) * c * g->channel, *filter = w + f * c * taps; \
            T total = 0; \
            for (i64 ch = 0; ch < c; ch++, plane += g->channel) \
                for (i64 k0 = 0; k0 < g->kernel[0]; k0++) for (i64 k1 = 0; k1 < g->kernel[1]; k1++, filter += g->kernel[2]) { \
                    i64 z = o0 * g->stride[0] - g->padding[0] + k0 * g->dilation[0], r = o1 * g->stride[1] - g->padding[1] + k1 * g->dilation[1]; \
                    if (z < 0 || z >= g->size[0] || r < 0 || r >= g->size[1]) continue; \
                    const T *row = plane + z * g->step[0] + r * g->step[1]; \
                    for (i64 k2 = 0; k2 < g->kernel[2]; k2++) { \
                        i64 p = o2 * g->stride[2] - g->padding[2] + k2 * g->dilation[2]; \
                        if (p >= 0 && p < g->size[2]) total += row[p * g->step[2]] * filter[k2]; \
                    } \
                } \
            *y++ = total; \
        } \
} \
void gather_flat_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    const i64 *size = (i64 *)args[2], n = size[1], inner = size[2], k = size[3], *place = (i64 *)args[1]; \
    const T *x = (T *)args[0]; \
    T *y = (T *)args[3]; \
    i64 outside = 0; \
    for (i64 a = 0; a < size[0]; a++, x += n * inner) for (i64 i = 0; i < k; i++) for (i64 j = 0; j < inner; j++, place++, y++) { \
        int in = *place >= 0 && *place < n; \
        outside += !in; \
        *y = in ? x[*place * inner + j] : 0; \
    } \
    *(i64 *)args[4] = outside; \
} \
/* x (a, n, m), [a, n, m, diagonal, upper] -> what lies below and on the diagonal, or above and on it */ \
void triangle_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    const i64 *size = (i64 *)args[1], n = size[1], m = size[2], diagonal = size[3]; \
    const T *x = (T *)args[0]; \
    T *y = (T *)args[2]; \
    for (i64 row = 0; row < size[0] * n; row++, x += m, y += m) { \
        i64 cut = row % n + diagonal + !size[4]; /* places before it are below */ \
        cut = cut < 0 ? 0 : cut > m ? m : cut; \
        const i64 zero = size[4] ? 0 : cut, end = size[4] ? cut : m; \
        for (i64 j = 0; j < m; j++) y[j] = x[j]; \
        for (i64 j = zero; j < end; j++) y[j] = 0; \
    } \
} \
void move_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    const T *running = (T *)args[0], *batch = (T *)args[1], *share = (T *)args[2]; \
    for (intptr_t i = 0; i < dims[1]; i++) ((T *)args[3])[i] = running[i] * share[0] + batch[i] * share[1]; \
}
SMALL_LOOPS(float, f4)
SMALL_LOOPS(double, f8)

/* x (n, c, s), [n, c, s], weight (c), bias (c), eps -> y, mean (c), variance (c); x in order.
   x (n, c), classes (n) -> mean over rows of log(sum(exp(x))) - x[class], of any strides. */
#define NETWORK(T, name, EXP, LOG, SQRT) \
void batch_norm_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    const T *x = (T *)args[0]; \
    const i64 *shape = (i64 *)args[1], n = shape[0], c = shape[1], s = shape[2]; \
    T eps = *(T *)args[4], *y = (T *)args[5], *mean = (T *)args[6], *variance = (T *)args[7]; \
    int threads = THREADS(dims[1]); \
    PARALLEL(for (i64 k = 0; k < c; k++) { \
        double total = 0, squares = 0; \
        for (i64 i = 0; i < n; i++) { \
            const T *row = x + (i * c + k) * s; \
            _Pragma("omp simd reduction(+:total)") \
            for (i64 j = 0; j < s; j++) total += row[j]; \
        } \
        T centre = (T)(total / (n * s)); \
        for (i64 i = 0; i < n; i++) { \
            const T *row = x + (i * c + k) * s; \
            _Pragma("omp simd reduction(+:squares)") \
            for (i64 j = 0; j < s; j++) squares += (double)(row[j] - centre) * (row[j] - centre); \
        } \
        mean[k] = centre, variance[k] = (T)(squares / (n * s)); \
        T scale = 1 / SQRT(variance[k] + eps) * *(T *)(args[2] + k * steps[10]), shift = *(T *)(args[3] + k * steps[11]); \
        for (i64 i = 0; i < n; i++) { \
            const T *row = x + (i * c + k) * s; \
            T *to = y + (i * c + k) * s; \
            _Pragma("omp simd") \
            for (i64 j = 0; j < s; j++) to[j] = (row[j] - centre) * scale + shift; \
        } \
    }) \
} \
/* x (n, c, s), [n, c, s], mean, variance, weight, bias (c), eps -> y */ \
void batch_norm_eval_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    const T *x = (T *)args[0]; \
    const i64 *shape = (i64 *)args[1], n = shape[0], c = shape[1], s = shape[2]; \
    T eps = *(T *)args[6], *y = (T *)args[7]; \
    int threads = THREADS(dims[1]); \
    PARALLEL(for (i64 row = 0; row < n * c; row++) { \
        i64 k = row % c; \
        T mean = *(T *)(args[2] + k * steps[10]), variance = *(T *)(args[3] + k * steps[11]); \
        T scale = 1 / SQRT(variance + eps) * *(T *)(args[4] + k * steps[12]), shift = *(T *)(args[5] + k * steps[13]) - mean * scale; \
        _Pragma("omp simd") \
        for (i64 j = row * s; j < (row + 1) * s; j++) y[j] = x[j] * scale + shift; \
    }) \
} \
/* x (n, c), classes (n) -> the mean of -log softmax at the classes, how many of them are none */ \
void cross_entropy_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    const i64 n = dims[2], c = dims[1] / n, *class = (i64 *)args[1]; \
    const T *x = (T *)args[0]; \
    double total = 0; \
    i64 none = 0; \
    for (i64 i = 0; i < n; i++, x += c) { \
        T most = x[0], sum = 0; \
        for (i64 j = 1; j < c; j++) most = x[j] > most || x[j] != x[j] ? x[j] : most; \
        if (most == INFINITY || most == -INFINITY) most = 0 * most; \
        for (i64 j = 0; j < c; j++) sum += EXP(x[j] - most); \
        const int one = class[i] >= 0 && class[i] < c; \
        none += !one; \
        total += LOG(sum) - (x[one ? class[i] : 0] - most); \
    } \
    *(T *)args[2] = (T)(total / n); \
    *(i64 *)args[3] = none; \
}

/* x (n), places (k) -> x at the places; x (n), correction -> variance; of any strides */
#define ROWS(T, name) \
void gather_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    for (intptr_t i = 0; i < dims[0]; i++) { \
        const char *x = args[0] + i * steps[0], *place = args[1] + i * steps[1]; \
        char *y = args[2] + i * steps[2]; \
        for (intptr_t j = 0; j < dims[2]; j++) *(T *)(y + j * steps[5]) = *(T *)(x + *(i64 *)(place + j * steps[4]) * steps[3]); \
    } \
} \
void variance_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    for (intptr_t i = 0; i < dims[0]; i++) { \
        const char *x = args[0] + i * steps[0]; \
        double total = 0, squares = 0; \
        for (intptr_t j = 0; j < dims[1]; j++) total += *(T *)(x + j * steps[3]); \
        double centre = total / dims[1]; \
        for (intptr_t j = 0; j < dims[1]; j++) { double d = *(T *)(x + j * steps[3]) - centre; squares += d * d; } \
        double rest = dims[1] - *(T *)(args[1] + i * steps[1]); \
        *(T *)(args[2] + i * steps[2]) = (T)(squares / (rest > 0 ? rest : 0)); \
    } \
}

/* values (k), dense (m, j), columns (k), begins (n), ends (n), threads -> (n, j): values times rows of dense, added up line by line.
   All arrays lie in order. A strip of a result stays in registers while its line's entries go by; rows of a dense matrix
   that is larger than a cache are called for early. Vectors of 32 bytes: those of 64 are split by way of memory where there is no AVX-512. */
#define ADD_UP(T, V, wide) \
    for (; j + wide * (i64)(sizeof(V) / sizeof(T)) <= many; j += wide * (i64)(sizeof(V) / sizeof(T))) { \
        V sums[wide] = {{0}}; \
        for (i64 k = begin; k < end; k++) { \
            const V *x = (const V *)(dense + columns[k] * many + j); \
            for (int l = 0; l < wide; l++) sums[l] += values[k] * x[l]; \
        } \
        memcpy(y + j, sums, sizeof sums); \
    }
#define LINES(T, name) \
typedef T strip_##name __attribute__((vector_size(32), aligned(sizeof(T)), may_alias)); \
void lines_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    const i64 m = dims[2], many = dims[3], n = dims[4], early = m * many * (i64)sizeof(T) > 1 << 20; \
    const T *values = (const T *)args[0], *dense = (const T *)args[1]; \
    const i64 *columns = (const i64 *)args[2], *begins = (const i64 *)args[3], *ends = (const i64 *)args[4]; \
    int threads = (int)*(const i64 *)args[5]; \
    T *out = (T *)args[6]; \
    PARALLEL(for (i64 i = 0; i < n; i++) { \
        T *y = out + i * many; \
        i64 begin = begins[i], end = ends[i], j = 0; \
        for (i64 k = begin; early && k < end; k++) { \
            const char *row = (const char *)(dense + columns[k] * many); \
            for (i64 b = 0; b < many * (i64)sizeof(T) && b < 512; b += 64) __builtin_prefetch(row + b); \
        } \
        ADD_UP(T, strip_##name, 8) \
        ADD_UP(T, strip_##name, 4) \
        ADD_UP(T, strip_##name, 2) \
        ADD_UP(T, strip_##name, 1) \
        for (; j < many; j++) { \
            T sum = 0; \
            for (i64 k = begin; k < end; k++) sum += values[k] * dense[columns[k] * many + j]; \
            y[j] = sum; \
        } \
    }) \
}

LINES(float, f4)
LINES(double, f8)
/* x (n), largest -> the k best in order, and their places; the first of equals wins, NaN counts as the greatest; of any strides */
#define BEST(T, name) \
void topk_loop_##name(char **args, const intptr_t *dims, const intptr_t *steps, void *data) { \
    intptr_t n = dims[1], k = dims[2]; \
    for (intptr_t row = 0; row < dims[0]; row++) { \
        const char *x = args[0] + row * steps[0]; \
        char *best = args[2] + row * steps[2], *place = args[3] + row * steps[3]; \
        i64 largest = *(i64 *)(args[1] + row * steps[1]); \
        for (intptr_t i = 0, held = 0; i < n; i++) { \
            T v = *(T *)(x + i * steps[4]); \
            intptr_t at = held; \
            for (; at > 0; at--) { \
                T w = *(T *)(best + (at - 1) * steps[5]); \
                if (!(largest ? v > w || (v != v && w == w) : v < w || (v == v && w != w))) break; \
                if (at < k) { \
                    *(T *)(best + at * steps[5]) = w; \
                    *(i64 *)(place + at * steps[6]) = *(i64 *)(place + (at - 1) * steps[6]); \
                } \
            } \
            if (at >= k) continue; \
            *(T *)(best + at * steps[5]) = v; \
            *(i64 *)(place + at * steps[6]) = i; \
            if (held < k) held++; \
        } \
    } \
}

ROWS(float, f4)
ROWS(double, f8)
BEST(float, f4)
BEST(double, f8)
NETWORK(float, f4, expf, logf, sqrtf)
NETWORK(double, f8, exp, log, sqrt)
