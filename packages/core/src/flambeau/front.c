/* The fast paths of fast.py once more, in C: what they cost beside NumPy's own arithmetic is the interpreter's time, and here there is none.

   fast.py is the definition. A `Front` stands before one of its closures: it does what the closure's first lines do, for a tensor on the
   CPU with nothing unusual about it, and in every other case (numbers, mixed dtypes, keyword arguments, errors) it calls the closure with
   the same arguments, which decides. The functions `new`, `ready`, `seen`, `node` and `record` are those of the same names in Python.

   Tensors and nodes are Python classes with slots; `link` is told them, and asks where their slots lie. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#include <numpy/arrayobject.h>

#define AT(x, place) (*(PyObject **)((char *)(x) + (place)))
#define ARRAY(x) AT(x, field_at[0])
#define NODE(x) AT(x, field_at[1])
#define BASE(x) AT(x, field_at[2])
#define SOURCE(x) AT(x, field_at[3])
#define CELL(x) AT(x, field_at[4])
#define VIEWS(x) AT(x, field_at[5])

static const char *const FIELDS[] = {"array", "node", "base", "source", "cell", "views"};
static const char *const NODE_FIELDS[] = {"card", "parents", "saved", "attrs", "shape", "dtype", "seq", "hooks"};
enum { CARD, PARENTS, SAVED, ATTRS, SHAPE, DTYPE, SEQ, HOOKS };
static Py_ssize_t field_at[6], node_at[8];

static PyTypeObject *Fields, *Tensor, *Parameter, *Node;
static PyObject *context;     /* the names of the module `context`, with `unusual` among them */
static PyObject *grad;        /* its thread-local: grad.enabled */
static PyObject *by_numpy;    /* NumPy's dtype -> ours */
static PyObject *counting;    /* itertools.count, whose numbers nodes take */
static PyObject *drop_dead;   /* tensor.drop_dead */
static PyObject *record_any;  /* record.record */
static PyObject *no_attrs, *nothing, *zero, *first_limit;
static PyObject *s_unusual, *s_enabled, *s_dim, *s_keepdim, *s_joint, *s_variadic, *s_keeps, *s_keeps_all, *out_names;

/* ---- where slots lie */
static int places(PyTypeObject *kind, const char *const *names, int n, Py_ssize_t *at) {
    for (int i = 0; i < n; i++) {
        PyObject *slot = PyObject_GetAttrString((PyObject *)kind, names[i]);
        if (!slot) return -1;
        if (!Py_IS_TYPE(slot, &PyMemberDescr_Type)) {
            Py_DECREF(slot);
            PyErr_Format(PyExc_TypeError, "%s.%s is no slot", kind->tp_name, names[i]);
            return -1;
        }
        at[i] = ((PyMemberDescrObject *)slot)->d_member->offset;
        Py_DECREF(slot);
    }
    return 0;
}

static inline int is_plain(PyObject *x) { return Py_IS_TYPE(x, Tensor) || Py_IS_TYPE(x, Parameter); }

static inline int usual(void) { return PyDict_GetItem(context, s_unusual) == Py_False; }

static int recording(void) {
    PyObject *on = PyObject_GetAttr(grad, s_enabled);
    if (!on) return -1;
    int yes = on == Py_True;
    Py_DECREF(on);
    return yes;
}

/* x's array where it is NumPy's own, else NULL; borrowed, no error set */
static inline PyArrayObject *host(PyObject *x) {
    PyObject *a = ARRAY(x);
    return a && PyArray_CheckExact(a) ? (PyArrayObject *)a : NULL;
}

/* ---- tensors */
static PyObject *made(PyTypeObject *kind, PyObject *array /* stolen */) {
    PyObject *x = kind->tp_alloc(kind, 0);
    if (!x) {
        Py_DECREF(array);
        return NULL;
    }
    ARRAY(x) = array;
    for (int i = 1; i < 6; i++) AT(x, field_at[i]) = Py_NewRef(Py_None);
    return x;
}

static PyObject *front_new(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    if (n < 1 || n > 2 || !PyType_Check(args[0]) || !PyType_IsSubtype((PyTypeObject *)args[0], Fields)) {
        PyErr_SetString(PyExc_TypeError, "new(kind, array=None): kind must be a class of tensors");
        return NULL;
    }
    return made((PyTypeObject *)args[0], Py_NewRef(n == 2 ? args[1] : Py_None));
}

static PyObject *cell_of(PyObject *x) { /* borrowed */
    if (CELL(x) == Py_None) {
        PyObject *cell = PyList_New(1);
        if (!cell) return NULL;
        PyList_SET_ITEM(cell, 0, Py_NewRef(zero));
        Py_SETREF(CELL(x), cell);
    }
    return CELL(x);
}

static int written(PyObject *x) { /* version_cell(x)[0] += 1 */
    PyObject *cell = cell_of(x);
    if (!cell) return -1;
    long count = PyLong_AsLong(PyList_GET_ITEM(cell, 0));
    if (count == -1 && PyErr_Occurred()) return -1;
    PyObject *next = PyLong_FromLong(count + 1);
    return next ? PyList_SetItem(cell, 0, next) : -1;
}

/* ---- nodes */
static PyObject *kept(PyObject *x) {
    PyObject *cell = cell_of(x);
    return cell ? PyTuple_Pack(3, ARRAY(x), cell, PyList_GET_ITEM(cell, 0)) : NULL;
}

static PyObject *our_dtype(PyArrayObject *a) {
    static PyArray_Descr *last; /* dtypes live as long as the process */
    static PyObject *last_ours;
    PyArray_Descr *kind = PyArray_DESCR(a);
    if (kind == last) return Py_NewRef(last_ours);
    PyObject *found = PyObject_GetItem(by_numpy, (PyObject *)kind);
    if (found && kind->type_num < NPY_NTYPES_LEGACY) {
        last = kind;
        last_ours = found;
    }
    return found;
}

/* takes parents and saved, which may be NULL with an error set */
static PyObject *noded(PyObject *card, PyObject *parents, PyObject *saved, PyObject *attrs, PyArrayObject *out) {
    PyObject *shape = NULL, *kind = NULL, *seq = NULL, *node = NULL;
    if (parents && saved && (shape = PyArray_IntTupleFromIntp(PyArray_NDIM(out), PyArray_DIMS(out))) && (kind = our_dtype(out)) &&
        (seq = Py_TYPE(counting)->tp_iternext(counting)))
        node = Node->tp_alloc(Node, 0);
    if (!node) {
        Py_XDECREF(parents), Py_XDECREF(saved), Py_XDECREF(shape), Py_XDECREF(kind), Py_XDECREF(seq);
        return NULL;
    }
    AT(node, node_at[CARD]) = Py_NewRef(card);
    AT(node, node_at[PARENTS]) = parents;
    AT(node, node_at[SAVED]) = saved;
    AT(node, node_at[ATTRS]) = Py_NewRef(attrs);
    AT(node, node_at[SHAPE]) = shape;
    AT(node, node_at[DTYPE]) = kind;
    AT(node, node_at[SEQ]) = seq;
    AT(node, node_at[HOOKS]) = Py_NewRef(Py_None);
    return node;
}

/* gives out its node, or loses out */
static PyObject *with_node(PyObject *out, PyObject *node) {
    if (!node) {
        Py_DECREF(out);
        return NULL;
    }
    Py_SETREF(NODE(out), node);
    return out;
}

static PyObject *front_ready(PyObject *self, PyObject *x) {
    PyArrayObject *a = is_plain(x) && usual() ? host(x) : NULL;
    return Py_NewRef(a ? (PyObject *)a : Py_None);
}

static PyObject *seen(PyObject *x, PyObject *array /* stolen */, PyObject *card, PyObject *attrs) {
    if (!array) return NULL;
    PyObject *y = made(Tensor, array);
    if (!y) return NULL;
    PyObject *base = BASE(x) == Py_None ? x : BASE(x), *views;
    PyObject *cell = cell_of(base), *source = cell ? PyTuple_Pack(3, x, card, attrs) : NULL, *ref = source ? PyWeakref_NewRef(y, NULL) : NULL;
    if (!ref) {
        Py_XDECREF(source), Py_DECREF(y);
        return NULL;
    }
    Py_SETREF(BASE(y), Py_NewRef(base));
    Py_SETREF(SOURCE(y), source);
    Py_SETREF(CELL(y), Py_NewRef(cell));
    views = VIEWS(base);
    if (views == Py_None) {
        if (!(views = PyList_New(2))) goto failed;
        PyList_SET_ITEM(views, 0, Py_NewRef(first_limit));
        PyList_SET_ITEM(views, 1, ref);
        Py_SETREF(VIEWS(base), views);
    } else {
        int bad = PyList_Append(views, ref);
        Py_DECREF(ref);
        if (bad) goto failed;
        if (PyList_GET_SIZE(views) > PyLong_AsLong(PyList_GET_ITEM(views, 0))) {
            PyObject *done = PyObject_CallOneArg(drop_dead, base);
            if (!done) goto failed;
            Py_DECREF(done);
        }
    }
    if (NODE(x) != Py_None) {
        int on = recording();
        if (on < 0) goto failed;
        if (on) return with_node(y, noded(card, PyTuple_Pack(1, NODE(x)), Py_NewRef(nothing), attrs, (PyArrayObject *)array));
    }
    return y;
failed:
    Py_DECREF(y);
    return NULL;
}

static PyObject *front_seen(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    if (n != 4 || !PyObject_TypeCheck(args[0], Fields) || !PyArray_CheckExact(args[1])) {
        PyErr_SetString(PyExc_TypeError, "seen(x, array, card, attrs)");
        return NULL;
    }
    return seen(args[0], Py_NewRef(args[1]), args[2], args[3]);
}

/* record(card, out, inputs, attrs, parents=None, keep=saved): plain tensors, numbers and None here, all else in Python */
static PyObject *front_record(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    PyObject *card = args[0], *out = args[1], *inputs = args[2], *parents = NULL, *saved = NULL, *named = NULL, *flag;
    if (names || n < 4 || n > 5 || !Py_IS_TYPE(out, Tensor) || !host(out) || !usual() || !PyTuple_CheckExact(inputs)) goto python;
    Py_ssize_t count = PyTuple_GET_SIZE(inputs);
    if (!(flag = PyObject_GetAttr(card, s_variadic))) return NULL;
    Py_DECREF(flag);
    if (flag != Py_False) goto python;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *x = PyTuple_GET_ITEM(inputs, i);
        if (PyObject_TypeCheck(x, Fields) && !is_plain(x)) goto python;
    }
    if (n == 5 && args[4] != Py_None) {
        if (!PyTuple_CheckExact(args[4])) goto python;
        parents = Py_NewRef(args[4]);
    } else {
        if (!(parents = PyTuple_New(count))) return NULL;
        for (Py_ssize_t i = 0; i < count; i++) {
            PyObject *x = PyTuple_GET_ITEM(inputs, i);
            PyTuple_SET_ITEM(parents, i, Py_NewRef(is_plain(x) ? NODE(x) : Py_None));
        }
    }
    /* which of (out, *inputs) the formulas of those with a node name */
    int every = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parents); i++)
        if (PyTuple_GET_ITEM(parents, i) == Py_None) every = 0;
    if (!every) {
        if (!(flag = PyObject_GetAttr(card, s_joint))) goto failed;
        Py_DECREF(flag);
        every = flag == Py_True;
    }
    if (!(named = PyObject_GetAttr(card, every ? s_keeps_all : s_keeps))) goto failed;
    if (!(saved = PyTuple_New(count + 1))) goto failed;
    for (Py_ssize_t i = 0; i <= count; i++) {
        PyObject *x = i ? PyTuple_GET_ITEM(inputs, i - 1) : out, *keep = NULL;
        if (is_plain(x)) {
            int yes = 0;
            if (every)
                yes = PyTuple_GET_ITEM(named, i) == Py_True;
            else
                for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(parents) && j < PyTuple_GET_SIZE(named); j++)
                    yes |= PyTuple_GET_ITEM(parents, j) != Py_None && PyTuple_GET_ITEM(PyTuple_GET_ITEM(named, j), i) == Py_True;
            keep = yes ? kept(x) : Py_NewRef(Py_None);
        } else
            keep = Py_NewRef(x);
        if (!keep) goto failed;
        PyTuple_SET_ITEM(saved, i, keep);
    }
    Py_DECREF(named);
    return noded(card, parents, saved, args[3], host(out));
failed:
    Py_XDECREF(parents), Py_XDECREF(named), Py_XDECREF(saved);
    return NULL;
python:
    return PyObject_Vectorcall(record_any, args, n, names);
}

/* node(card, parents, saved, attrs, shape, dtype) */
static PyObject *front_node(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    if (n != 6) {
        PyErr_SetString(PyExc_TypeError, "node(card, parents, saved, attrs, shape, dtype)");
        return NULL;
    }
    PyObject *seq = Py_TYPE(counting)->tp_iternext(counting), *node = seq ? Node->tp_alloc(Node, 0) : NULL;
    if (!node) {
        Py_XDECREF(seq);
        return NULL;
    }
    for (int i = 0; i < 6; i++) AT(node, node_at[i]) = Py_NewRef(args[i]);
    AT(node, node_at[SEQ]) = seq;
    AT(node, node_at[HOOKS]) = Py_NewRef(Py_None);
    return node;
}

/* ---- fronts */
enum { UNARY, BINARY, REFLECTED, REDUCED, INPLACE };

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *dict, *weak;
    PyObject *slow;     /* the closure */
    PyObject *ufunc;    /* NumPy's function of arrays */
    PyObject *card;
    int form;
    int checked;        /* the result's dtype must be the input's */
    int numbers;        /* BINARY: y may be a number; REDUCED: right for every dtype */
    int differentiable;
    int keeps[2][3];    /* for each formula, whether it names (out, x, y) */
} Front;

static int named_by(Front *f, int what, int x, int y) {
    return (x && f->keeps[0][what]) || (y && f->keeps[1][what]);
}

static PyObject *slow(Front *f, PyObject *const *args, size_t nf, PyObject *names) { return PyObject_Vectorcall(f->slow, args, nf, names); }

/* after an error of NumPy's: one that the closure has an answer to is taken back */
static int answered(void) {
    if (!PyErr_ExceptionMatches(PyExc_RuntimeWarning) && !PyErr_ExceptionMatches(PyExc_ValueError) && !PyErr_ExceptionMatches(PyExc_TypeError) &&
        !PyErr_ExceptionMatches(PyExc_OverflowError) && !PyErr_ExceptionMatches(PyExc_IndexError))
        return 0;
    PyErr_Clear();
    return 1;
}

/* NumPy's scalars as arrays; takes r, NULL stays NULL */
static PyObject *as_array(PyObject *r) {
    if (!r || PyArray_CheckExact(r)) return r;
    PyObject *a = PyArray_FROM_O(r);
    Py_DECREF(r);
    return a;
}

static inline int is_number(PyObject *y) { return PyFloat_CheckExact(y) || PyLong_CheckExact(y); }

static PyObject *unary(Front *f, PyObject *const *args, size_t nf, PyObject *names) {
    PyArrayObject *a;
    if (names || PyVectorcall_NARGS(nf) != 1 || !is_plain(args[0]) || !usual() || !(a = host(args[0]))) return slow(f, args, nf, names);
    PyObject *given[2] = {NULL, (PyObject *)a}, *x = args[0];
    PyObject *r = as_array(PyObject_Vectorcall(f->ufunc, given + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL));
    if (!r) return answered() ? slow(f, args, nf, names) : NULL;
    if (!PyArray_CheckExact(r) || (f->checked && PyArray_DESCR((PyArrayObject *)r) != PyArray_DESCR(a))) {
        Py_DECREF(r);
        return slow(f, args, nf, names);
    }
    PyObject *y = made(Tensor, r);
    if (!y || NODE(x) == Py_None || !f->differentiable) return y;
    int on = recording();
    if (on <= 0) {
        if (on < 0) Py_CLEAR(y);
        return y;
    }
    PyObject *ky = f->keeps[0][0] ? kept(y) : Py_NewRef(Py_None), *kx = f->keeps[0][1] ? kept(x) : Py_NewRef(Py_None);
    PyObject *saved = ky && kx ? PyTuple_Pack(2, ky, kx) : NULL;
    Py_XDECREF(ky), Py_XDECREF(kx);
    return with_node(y, noded(f->card, PyTuple_Pack(1, NODE(x)), saved, no_attrs, (PyArrayObject *)r));
}

/* x, y in the order of the formula; at most one of them is a number */
static PyObject *binary(Front *f, PyObject *const *args, size_t nf, PyObject *names) {
    if (names || PyVectorcall_NARGS(nf) != 2 || !usual()) return slow(f, args, nf, names);
    PyObject *x = args[f->form == REFLECTED], *y = args[f->form != REFLECTED], *given[3] = {NULL, x, y};
    int tensor_x = is_plain(x), tensor_y = is_plain(y);
    PyArrayObject *a = tensor_x ? host(x) : NULL, *b = tensor_y ? host(y) : NULL;
    if (f->form == REFLECTED ? !b || !is_number(x) : !a || (b ? PyArray_DESCR(a) != PyArray_DESCR(b) : !f->numbers || !is_number(y)))
        return slow(f, args, nf, names);
    if (a) given[1] = (PyObject *)a;
    if (b) given[2] = (PyObject *)b;
    PyObject *r = as_array(PyObject_Vectorcall(f->ufunc, given + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL));
    if (!r) return answered() ? slow(f, args, nf, names) : NULL;
    if (!PyArray_CheckExact(r) || (f->checked && PyArray_DESCR((PyArrayObject *)r) != PyArray_DESCR(a ? a : b))) {
        Py_DECREF(r);
        return slow(f, args, nf, names);
    }
    PyObject *z = made(Tensor, r);
    int m = tensor_x && NODE(x) != Py_None, n = tensor_y && NODE(y) != Py_None;
    if (!z || (!m && !n) || !f->differentiable) return z;
    int on = recording();
    if (on <= 0) {
        if (on < 0) Py_CLEAR(z);
        return z;
    }
    PyObject *kz = named_by(f, 0, m, n) ? kept(z) : Py_NewRef(Py_None);
    PyObject *kx = !tensor_x ? Py_NewRef(x) : named_by(f, 1, m, n) ? kept(x) : Py_NewRef(Py_None);
    PyObject *ky = !tensor_y ? Py_NewRef(y) : named_by(f, 2, m, n) ? kept(y) : Py_NewRef(Py_None);
    PyObject *saved = kz && kx && ky ? PyTuple_Pack(3, kz, kx, ky) : NULL;
    Py_XDECREF(kz), Py_XDECREF(kx), Py_XDECREF(ky);
    PyObject *parents = PyTuple_Pack(2, m ? NODE(x) : Py_None, n ? NODE(y) : Py_None);
    return with_node(z, noded(f->card, parents, saved, no_attrs, (PyArrayObject *)r));
}

static PyObject *reduced(Front *f, PyObject *const *args, size_t nf, PyObject *names) {
    Py_ssize_t n = PyVectorcall_NARGS(nf);
    PyObject *dim = n > 1 ? args[1] : Py_None, *keepdim = n > 2 ? args[2] : Py_False;
    if (n < 1 || n > 3 || !is_plain(args[0]) || !usual()) return slow(f, args, nf, names);
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (name == s_dim && n < 2)
            dim = args[n + i];
        else if (name == s_keepdim && n < 3)
            keepdim = args[n + i];
        else
            return slow(f, args, nf, names);
    }
    PyArrayObject *a = host(args[0]);
    if (!a || !(dim == Py_None || PyLong_CheckExact(dim)) || !PyBool_Check(keepdim)) return slow(f, args, nf, names);
    int kind = PyArray_TYPE(a);
    if (kind != NPY_FLOAT && kind != NPY_DOUBLE && !f->numbers) return slow(f, args, nf, names);
    PyObject *given[6] = {NULL, (PyObject *)a, dim, Py_None, Py_None, keepdim}, *x = args[0];
    PyObject *r = as_array(PyObject_Vectorcall(f->ufunc, given + 1, 5 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL));
    if (!r) return answered() ? slow(f, args, nf, names) : NULL;
    if (!PyArray_CheckExact(r)) {
        Py_DECREF(r);
        return slow(f, args, nf, names);
    }
    PyObject *y = made(Tensor, r);
    if (!y || NODE(x) == Py_None || !f->differentiable) return y;
    int on = recording();
    if (on <= 0) {
        if (on < 0) Py_CLEAR(y);
        return y;
    }
    PyObject *ky = f->keeps[0][0] ? kept(y) : Py_NewRef(Py_None), *kx = f->keeps[0][1] ? kept(x) : Py_NewRef(Py_None);
    PyObject *saved = ky && kx ? PyTuple_Pack(2, ky, kx) : NULL, *attrs = PyDict_New(), *node = NULL;
    Py_XDECREF(ky), Py_XDECREF(kx);
    if (attrs && !PyDict_SetItem(attrs, s_dim, dim) && !PyDict_SetItem(attrs, s_keepdim, keepdim))
        node = noded(f->card, PyTuple_Pack(1, NODE(x)), saved, attrs, (PyArrayObject *)r);
    else
        Py_XDECREF(saved);
    Py_XDECREF(attrs);
    return with_node(y, node);
}

/* whether a write to x is to be recorded, or y's history would be lost */
static int tracked(PyObject *x) { return NODE(x) != Py_None || (BASE(x) != Py_None && NODE(BASE(x)) != Py_None); }

static int overlap(PyArrayObject *a, PyArrayObject *b) { /* their memory may meet, and they are not one and the same */
    char *first = PyArray_BYTES(a), *other = PyArray_BYTES(b);
    if (first == other && PyArray_SAMESHAPE(a, b) && PyArray_CompareLists(PyArray_STRIDES(a), PyArray_STRIDES(b), PyArray_NDIM(a))) return 0;
    if (PyArray_IS_C_CONTIGUOUS(a) && PyArray_IS_C_CONTIGUOUS(b)) return first < other + PyArray_NBYTES(b) && other < first + PyArray_NBYTES(a);
    return PyArray_BASE(a) || PyArray_BASE(b);
}

static PyObject *inplace(Front *f, PyObject *const *args, size_t nf, PyObject *names) {
    Py_ssize_t n = PyVectorcall_NARGS(nf);
    PyArrayObject *a, *b = NULL;
    if (names || n != 1 + f->numbers || !is_plain(args[0]) || !usual() || !(a = host(args[0]))) return slow(f, args, nf, names);
    char kind = PyArray_DESCR(a)->kind;
    if ((kind != 'f' && kind != 'i') || tracked(args[0])) return slow(f, args, nf, names);
    PyObject *x = args[0], *given[4] = {NULL, (PyObject *)a};
    if (n == 2) {
        if (is_plain(args[1])) {
            b = host(args[1]);
            if (!b || NODE(args[1]) != Py_None || PyArray_DESCR(a) != PyArray_DESCR(b) || PyArray_NDIM(b) > PyArray_NDIM(a) || overlap(a, b))
                return slow(f, args, nf, names);
        } else if (!is_number(args[1]))
            return slow(f, args, nf, names);
        given[2] = b ? (PyObject *)b : args[1];
    }
    given[n + 1] = (PyObject *)a;
    PyObject *r = PyObject_Vectorcall(f->ufunc, given + 1, n | PY_VECTORCALL_ARGUMENTS_OFFSET, out_names);
    if (!r) {
        if (!PyErr_ExceptionMatches(PyExc_RuntimeWarning)) return answered() ? slow(f, args, nf, names) : NULL;
        PyErr_Clear(); /* as an error it comes when all is written */
    }
    Py_XDECREF(r);
    return written(x) ? NULL : Py_NewRef(x);
}

static PyObject *call(PyObject *self, PyObject *const *args, size_t nf, PyObject *names) {
    Front *f = (Front *)self;
    switch (f->form) {
        case UNARY: return unary(f, args, nf, names);
        case REDUCED: return reduced(f, args, nf, names);
        case INPLACE: return inplace(f, args, nf, names);
        default: return binary(f, args, nf, names);
    }
}

static int front_traverse(Front *f, visitproc visit, void *arg) {
    Py_VISIT(f->dict);
    Py_VISIT(f->slow);
    Py_VISIT(f->ufunc);
    Py_VISIT(f->card);
    return 0;
}

static int front_clear(Front *f) {
    Py_CLEAR(f->dict);
    Py_CLEAR(f->slow);
    Py_CLEAR(f->ufunc);
    Py_CLEAR(f->card);
    return 0;
}

static void front_dealloc(Front *f) {
    PyObject_GC_UnTrack(f);
    if (f->weak) PyObject_ClearWeakRefs((PyObject *)f);
    front_clear(f);
    Py_TYPE(f)->tp_free((PyObject *)f);
}

static PyObject *front_bound(PyObject *self, PyObject *x, PyObject *kind) {
    return x && x != Py_None ? PyMethod_New(self, x) : Py_NewRef(self);
}

/* Pickled and copied by name, as functions are */
static PyObject *front_reduce(PyObject *self, PyObject *ignored) { return PyObject_GetAttrString(self, "__qualname__"); }

static PyObject *front_repr(PyObject *self) {
    PyObject *name = PyObject_GetAttrString(self, "__qualname__");
    if (!name) return NULL;
    PyObject *text = PyUnicode_FromFormat("<function %U at %p>", name, self);
    Py_DECREF(name);
    return text;
}

static PyMethodDef front_methods[] = {{"__reduce__", front_reduce, METH_NOARGS, NULL}, {NULL}};
static PyGetSetDef front_getset[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL}, {NULL}};

static PyTypeObject FrontType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "flambeau.front.Front",
    .tp_basicsize = sizeof(Front),
    .tp_dealloc = (destructor)front_dealloc,
    .tp_vectorcall_offset = offsetof(Front, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_repr = front_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_traverse = (traverseproc)front_traverse,
    .tp_clear = (inquiry)front_clear,
    .tp_weaklistoffset = offsetof(Front, weak),
    .tp_methods = front_methods,
    .tp_getset = front_getset,
    .tp_descr_get = front_bound,
    .tp_dictoffset = offsetof(Front, dict),
};

/* front(form, slow, ufunc, card, keeps, checked, numbers): keeps is () or what a card's `keeps` says, a row for each of its formulas */
static PyObject *front_front(PyObject *self, PyObject *args) {
    int form, checked, numbers;
    PyObject *closure, *ufunc, *card, *keeps;
    if (!PyArg_ParseTuple(args, "iOOOO!pp", &form, &closure, &ufunc, &card, &PyTuple_Type, &keeps, &checked, &numbers)) return NULL;
    Front *f = PyObject_GC_New(Front, &FrontType);
    if (!f) return NULL;
    f->vectorcall = call;
    f->dict = f->weak = NULL;
    f->slow = Py_NewRef(closure), f->ufunc = Py_NewRef(ufunc), f->card = Py_NewRef(card);
    f->form = form, f->checked = checked, f->numbers = numbers;
    f->differentiable = PyTuple_GET_SIZE(keeps) > 0;
    memset(f->keeps, 0, sizeof f->keeps);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keeps) && i < 2; i++)
        for (Py_ssize_t j = 0; j < PyTuple_GET_SIZE(PyTuple_GET_ITEM(keeps, i)) && j < 3; j++)
            f->keeps[i][j] = PyTuple_GET_ITEM(PyTuple_GET_ITEM(keeps, i), j) == Py_True;
    PyObject_GC_Track(f);
    return (PyObject *)f;
}

/* ---- the module */
static PyObject *front_fields(PyObject *self, PyObject *kind) {
    if (!PyType_Check(kind) || places((PyTypeObject *)kind, FIELDS, 6, field_at)) return NULL;
    Fields = (PyTypeObject *)Py_NewRef(kind);
    Py_RETURN_NONE;
}

/* link(Tensor, Parameter, Node, vars(context), grad, BY_NUMPY, count, drop_dead, record, no_attrs, nothing) */
static PyObject *front_link(PyObject *self, PyObject *args) {
    if (!PyArg_ParseTuple(args, "O!O!O!O!OOOOOO!O!", &PyType_Type, &Tensor, &PyType_Type, &Parameter, &PyType_Type, &Node, &PyDict_Type,
                          &context, &grad, &by_numpy, &counting, &drop_dead, &record_any, &PyDict_Type, &no_attrs, &PyTuple_Type, &nothing))
        return NULL;
    PyObject *all[] = {(PyObject *)Tensor, (PyObject *)Parameter, (PyObject *)Node, context, grad, by_numpy, counting, drop_dead, record_any,
                       no_attrs, nothing};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) Py_INCREF(all[i]);
    if (places(Node, NODE_FIELDS, 8, node_at)) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"new", (PyCFunction)(void (*)(void))front_new, METH_FASTCALL, NULL},
    {"ready", front_ready, METH_O, NULL},
    {"seen", (PyCFunction)(void (*)(void))front_seen, METH_FASTCALL, NULL},
    {"node", (PyCFunction)(void (*)(void))front_node, METH_FASTCALL, NULL},
    {"record", (PyCFunction)(void (*)(void))front_record, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"front", front_front, METH_VARARGS, NULL},
    {"fields", front_fields, METH_O, NULL},
    {"link", front_link, METH_VARARGS, NULL},
    {NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_front", NULL, -1, methods};

PyMODINIT_FUNC PyInit__front(void) {
    import_array();
    if (PyType_Ready(&FrontType) < 0) return NULL;
    s_unusual = PyUnicode_InternFromString("unusual"), s_enabled = PyUnicode_InternFromString("enabled");
    s_dim = PyUnicode_InternFromString("dim"), s_keepdim = PyUnicode_InternFromString("keepdim");
    s_joint = PyUnicode_InternFromString("joint"), s_variadic = PyUnicode_InternFromString("variadic");
    s_keeps = PyUnicode_InternFromString("keeps"), s_keeps_all = PyUnicode_InternFromString("keeps_all");
    out_names = Py_BuildValue("(s)", "out");
    zero = PyLong_FromLong(0), first_limit = PyLong_FromLong(8);
    return PyErr_Occurred() ? NULL : PyModule_Create(&definition);
}
