/* One call of an elementwise kernel for many sets of arrays: a row of `objects` for each operand, a column for each set.
   The arrays are NumPy's own objects, read by the public head of their structure; what is no plain contiguous array of the program's
   dtype and its neighbours' shape is passed over and reported. Outputs are written over the inputs that `over` names. */
typedef struct { char head[HEAD]; char *data; int nd; intp *dimensions, *strides; void *base, *descr; int flags; } array;
#define FIT 0x0501      /* C-contiguous, aligned, writeable */
#define READABLE 0x0101 /* C-contiguous, aligned */
#define PIECE 16384     /* elements that a thread takes at a time */

static intp size_of(const array *a) {
    intp n = 1;
    for (int d = 0; d < a->nd; d++) n *= a->dimensions[d];
    return n;
}

static int fits(const array *a, const array *first, const void *type, const void *descr, int flags) {
    if (*(void **)(a->head + HEAD - sizeof(void *)) != type || a->descr != descr || (a->flags & flags) != flags || a->nd != first->nd) return 0;
    for (int d = 0; d < a->nd; d++) if (a->dimensions[d] != first->dimensions[d]) return 0;
    return 1;
}

static intp run_many(const program *p, const array *const *objects, intp count, int arrays, const int *over, const void *type,
                     const void *descr, const double *numbers, int threads, char *passed_over) {
    typedef struct { intp at, from, to; } piece;
    intp pieces = 0, total = 0, bad = 0;
    for (intp i = 0; i < count; i++) {
        int good = 1;
        for (int k = 0; k < arrays; k++) good &= fits(objects[k * count + i], objects[i], type, descr, k == 1 ? READABLE : FIT);
        passed_over[i] = !good;
        bad += !good;
        if (good) total += size_of(objects[i]), pieces += (size_of(objects[i]) + PIECE - 1) / PIECE;
    }
    piece *list = claim(pieces * sizeof(piece));
    pieces = 0;
    for (intp i = 0; i < count; i++) {
        if (passed_over[i]) continue;
        for (intp n = size_of(objects[i]), from = 0; from < n; from += PIECE) list[pieces++] = (piece){i, from, from + PIECE < n ? from + PIECE : n};
    }
    float single[OPERANDS];
    for (int k = arrays; k < p->inputs; k++) single[k] = (float)numbers[k - arrays];
    (void)threads;
#ifdef _OPENMP
    #pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1 && (double)total * p->price > PARALLEL)
#endif
    for (intp j = 0; j < pieces; j++) {
        char *operand[OPERANDS];
        for (int k = 0; k < p->operands; k++) {
            if (k >= arrays && k < p->inputs) operand[k] = p->itemsize[k] == 4 ? (char *)(single + k) : (char *)(numbers + k - arrays);
            else operand[k] = objects[(k < arrays ? k : over[k - p->inputs]) * count + list[j].at]->data + list[j].from * p->itemsize[k];
        }
        p->row(list[j].to - list[j].from, operand, NULL);
    }
    free(list);
    clear_flags();
    return bad;
}
