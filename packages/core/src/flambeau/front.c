/* The fast paths of fast.py once more, in C: what they cost beside NumPy's own arithmetic is the interpreter's time, and here there is none.

   fast.py is the definition. A `Front` stands before one of its closures: it does what the closure's first lines do, for a tensor on the
   CPU with nothing unusual about it, and in every other case (numbers, mixed dtypes, keyword arguments, errors) it calls the closure with
   the same arguments, which decides. The functions `new`, `ready`, `seen`, `node` and `record` are those of the same names in Python.

   Tensors and nodes are Python classes with slots; `link` is told them, and asks where their slots lie. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>
#define NPY_NO_DEPRECATED_API NPY_1_22_API_VERSION
#include <math.h>
#include <numpy/arrayobject.h>
#include <numpy/random/bitgen.h>

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
static const char *const CARD_FIELDS[] = {"body", "vjp", "joint", "keeps", "keeps_all", "variadic", "promote", "fused", "kind"};
enum { BODY, VJP, JOINT, KEEPS, KEEPS_ALL, VARIADIC, PROMOTE, FUSED, KIND };
static Py_ssize_t field_at[6], node_at[8], card_at[9], pick_at[1];
#define OF_CARD(card, what) AT(card, card_at[what])
#define OF_NODE(node, what) AT(node, node_at[what])

static PyTypeObject *Fields, *Tensor, *Parameter, *Node, *Pick, *Card;
static PyObject *context;     /* the names of the module `context`, with `unusual` among them */
static PyObject *grad;        /* its thread-local: grad.enabled */
static PyObject *by_numpy;    /* NumPy's dtype -> ours */
static PyObject *counting;    /* itertools.count, whose numbers nodes take */
static PyObject *drop_dead;   /* tensor.drop_dead */
static PyObject *record_any, *record_many_any, *run_any, *run_one_any, *wrap_any; /* the functions of these names, in Python */
static PyObject *cpu;         /* backends.numpy, the namespace of bodies */
static PyObject *no_attrs, *nothing, *zero, *first_limit;
static PyObject *s_unusual, *s_enabled, *s_dim, *s_keepdim, *s_composite, *s_view, *s_one, *s_index, *out_names;
static PyObject *sizes; /* a tuple -> its Size */

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
    static PyArray_Descr *last; /* held: most dtypes live as long as the process, but one that newbyteorder made would leave its place */
    static PyObject *last_ours;
    PyArray_Descr *kind = PyArray_DESCR(a);
    if (kind == last) return Py_NewRef(last_ours);
    PyObject *found = PyObject_GetItem(by_numpy, (PyObject *)kind);
    if (found && kind->type_num < NPY_NTYPES_LEGACY) {
        Py_INCREF(kind);
        Py_XDECREF(last);
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
    OF_NODE(node, CARD) = Py_NewRef(card);
    OF_NODE(node, PARENTS) = parents;
    OF_NODE(node, SAVED) = saved;
    OF_NODE(node, ATTRS) = Py_NewRef(attrs);
    OF_NODE(node, SHAPE) = shape;
    OF_NODE(node, DTYPE) = kind;
    OF_NODE(node, SEQ) = seq;
    OF_NODE(node, HOOKS) = Py_NewRef(Py_None);
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

/* Of (out, *inputs) what the formulas of the inputs that have a node name: plain tensors, numbers and None here.
   1: the parents and what is saved, whose first place the caller fills where *out is 1; 0: Python has to see to it; -1: an error */
static int what_is_kept(PyObject *card, PyObject *inputs, PyObject *given, PyObject **parents, PyObject **saved, int *out) {
    if (!Py_IS_TYPE(card, Card) || !(PyTuple_CheckExact(inputs) || PyList_CheckExact(inputs)) || !usual()) return 0;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(inputs);
    PyObject **xs = PySequence_Fast_ITEMS(inputs), *named;
    int variadic = OF_CARD(card, VARIADIC) == Py_True; /* then the formula names (out, all inputs), and integers are kept all the same */
    for (Py_ssize_t i = 0; i < count; i++)
        if (PyObject_TypeCheck(xs[i], Fields) && !is_plain(xs[i])) return 0;
    if (given && given != Py_None) {
        if (!PyTuple_CheckExact(given)) return 0;
        *parents = Py_NewRef(given);
    } else {
        if (!(*parents = PyTuple_New(count))) return -1;
        for (Py_ssize_t i = 0; i < count; i++) PyTuple_SET_ITEM(*parents, i, Py_NewRef(is_plain(xs[i]) ? NODE(xs[i]) : Py_None));
    }
    Py_ssize_t n = PyTuple_GET_SIZE(*parents);
    int every = OF_CARD(card, JOINT) == Py_True;
    if (!every) {
        every = 1;
        for (Py_ssize_t i = 0; i < n; i++)
            if (PyTuple_GET_ITEM(*parents, i) == Py_None) every = 0;
    }
    named = OF_CARD(card, every ? KEEPS_ALL : KEEPS);
    if (!(*saved = PyTuple_New(count + 1))) return -1;
    for (Py_ssize_t i = 0; i <= count; i++) {
        int yes = 0;
        if (every)
            yes = PyTuple_GET_ITEM(named, variadic && i ? 1 : i) == Py_True;
        else
            for (Py_ssize_t j = 0; j < n && j < PyTuple_GET_SIZE(named); j++)
                yes |= PyTuple_GET_ITEM(*parents, j) != Py_None && PyTuple_GET_ITEM(PyTuple_GET_ITEM(named, j), i) == Py_True;
        if (!i) {
            *out = yes;
            PyTuple_SET_ITEM(*saved, 0, Py_NewRef(Py_None));
            continue;
        }
        PyObject *x = xs[i - 1];
        if (variadic && !yes && is_plain(x)) yes = !host(x) || PyArray_ISBOOL(host(x)) || PyArray_ISINTEGER(host(x));
        PyObject *keep = !is_plain(x) ? Py_NewRef(x) : yes ? kept(x) : Py_NewRef(Py_None);
        if (!keep) return -1;
        PyTuple_SET_ITEM(*saved, i, keep);
    }
    return 1;
}

/* record(card, out, inputs, attrs, parents=None, keep=saved) */
static PyObject *front_record(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    PyObject *parents = NULL, *saved = NULL;
    int out = 0, found = 0;
    if (!names && n >= 4 && n <= 5 && Py_IS_TYPE(args[1], Tensor) && host(args[1]))
        found = what_is_kept(args[0], args[2], n == 5 ? args[4] : NULL, &parents, &saved, &out);
    if (!found) return PyObject_Vectorcall(record_any, args, n, names);
    if (found > 0 && out) {
        PyObject *keep = kept(args[1]);
        if (keep) PyTuple_SetItem(saved, 0, keep);
        else found = -1;
    }
    if (found < 0) {
        Py_XDECREF(parents), Py_XDECREF(saved);
        return NULL;
    }
    return noded(args[0], parents, saved, args[3], host(args[1]));
}

/* the places of a node with several outputs, one for each that can have a gradient */
static int picked(PyObject *node, PyObject *outs) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(outs); i++) {
        PyObject *x = PyTuple_GET_ITEM(outs, i), *pick;
        char kind = PyArray_DESCR(host(x))->kind;
        if (kind != 'f' && kind != 'c') continue;
        if (!(pick = Pick->tp_alloc(Pick, 0))) return -1;
        OF_NODE(pick, CARD) = Py_NewRef(OF_NODE(node, CARD));
        OF_NODE(pick, PARENTS) = PyTuple_Pack(1, node);
        OF_NODE(pick, SAVED) = Py_NewRef(Py_None);
        OF_NODE(pick, ATTRS) = Py_NewRef(Py_None);
        OF_NODE(pick, SHAPE) = Py_NewRef(PyTuple_GET_ITEM(OF_NODE(node, SHAPE), i));
        OF_NODE(pick, DTYPE) = Py_NewRef(PyTuple_GET_ITEM(OF_NODE(node, DTYPE), i));
        OF_NODE(pick, SEQ) = Py_TYPE(counting)->tp_iternext(counting);
        OF_NODE(pick, HOOKS) = Py_NewRef(Py_None);
        AT(pick, pick_at[0]) = PyLong_FromSsize_t(i);
        if (!OF_NODE(pick, PARENTS) || !OF_NODE(pick, SEQ) || !AT(pick, pick_at[0])) {
            Py_DECREF(pick);
            return -1;
        }
        Py_SETREF(NODE(x), pick);
    }
    return 0;
}

/* record_many(card, outs, inputs, attrs, parents=None, keep=saved) */
static PyObject *front_record_many(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names) {
    PyObject *parents = NULL, *saved = NULL, *outs = n > 1 ? args[1] : NULL, *shapes = NULL, *kinds = NULL, *node = NULL, *seq = NULL;
    int out = 0, found = !names && n >= 4 && n <= 5 && PyTuple_CheckExact(outs);
    for (Py_ssize_t i = 0; found && i < PyTuple_GET_SIZE(outs); i++) {
        PyObject *x = PyTuple_GET_ITEM(outs, i);
        found = Py_IS_TYPE(x, Tensor) && host(x) && PyArray_TYPE(host(x)) < NPY_NTYPES_LEGACY;
    }
    if (found) found = what_is_kept(args[0], args[2], n == 5 ? args[4] : NULL, &parents, &saved, &out);
    if (!found) return PyObject_Vectorcall(record_many_any, args, n, names);
    Py_ssize_t count = PyTuple_GET_SIZE(outs);
    if (found < 0 || !(shapes = PyTuple_New(count)) || !(kinds = PyTuple_New(count))) goto failed;
    if (out) {
        PyObject *all = PyTuple_New(count);
        if (!all) goto failed;
        PyTuple_SetItem(saved, 0, all);
        for (Py_ssize_t i = 0; i < count; i++) {
            PyObject *keep = kept(PyTuple_GET_ITEM(outs, i));
            if (!keep) goto failed;
            PyTuple_SET_ITEM(all, i, keep);
        }
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyArrayObject *a = host(PyTuple_GET_ITEM(outs, i));
        PyObject *shape = PyArray_IntTupleFromIntp(PyArray_NDIM(a), PyArray_DIMS(a)), *kind = our_dtype(a);
        PyTuple_SET_ITEM(shapes, i, shape), PyTuple_SET_ITEM(kinds, i, kind);
        if (!shape || !kind) goto failed;
    }
    if (!(seq = Py_TYPE(counting)->tp_iternext(counting)) || !(node = Node->tp_alloc(Node, 0))) goto failed;
    PyObject *values[] = {Py_NewRef(args[0]), parents, saved, Py_NewRef(args[3]), shapes, kinds, seq, Py_NewRef(Py_None)};
    for (int i = 0; i < 8; i++) OF_NODE(node, i) = values[i];
    int bad = picked(node, outs);
    Py_DECREF(node);
    return bad ? NULL : Py_NewRef(outs);
failed:
    Py_XDECREF(parents), Py_XDECREF(saved), Py_XDECREF(shapes), Py_XDECREF(kinds), Py_XDECREF(seq);
    return NULL;
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
    for (int i = 0; i < 6; i++) OF_NODE(node, i) = Py_NewRef(args[i]);
    OF_NODE(node, SEQ) = seq;
    OF_NODE(node, HOOKS) = Py_NewRef(Py_None);
    return node;
}

/* ---- the road of a call */

/* after an error of NumPy's: one that Python has an answer to is taken back */
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

/* an op's result, arrays, as tensors with their node */
static PyObject *wrapped(PyObject *card, PyObject *result /* stolen */, PyObject *inputs, PyObject *attrs, int tracked) {
    if (tracked && OF_CARD(card, VJP) == Py_None) tracked = 0;
    if (PyArray_CheckScalar(result) && !(result = as_array(result))) return NULL;
    if (PyArray_CheckExact(result) && PyArray_TYPE((PyArrayObject *)result) < NPY_NTYPES_LEGACY && OF_CARD(card, KIND) != s_view) {
        char kind = PyArray_DESCR((PyArrayObject *)result)->kind;
        PyObject *out = made(Tensor, result);
        if (!out || !tracked || (kind != 'f' && kind != 'c')) return out;
        PyObject *given[] = {card, out, inputs, attrs};
        return with_node(out, front_record(NULL, given, 4, NULL));
    }
    int arrays = PyTuple_CheckExact(result);
    for (Py_ssize_t i = 0; arrays && i < PyTuple_GET_SIZE(result); i++) arrays = PyArray_CheckExact(PyTuple_GET_ITEM(result, i));
    if (!arrays) {
        PyObject *out = PyObject_CallFunctionObjArgs(wrap_any, card, result, inputs, attrs, tracked ? Py_True : Py_False, NULL);
        Py_DECREF(result);
        return out;
    }
    PyObject *outs = PyTuple_New(PyTuple_GET_SIZE(result));
    for (Py_ssize_t i = 0; outs && i < PyTuple_GET_SIZE(result); i++) {
        PyObject *x = made(Tensor, Py_NewRef(PyTuple_GET_ITEM(result, i)));
        if (x) PyTuple_SET_ITEM(outs, i, x);
        else Py_CLEAR(outs);
    }
    Py_DECREF(result);
    if (!outs || !tracked) return outs;
    PyObject *given[] = {card, outs, inputs, attrs}, *done = front_record_many(NULL, given, 4, NULL);
    Py_DECREF(outs);
    return done;
}

/* run(card, inputs, attrs): the common lane, plain CPU tensors of one dtype that nothing has to be done to */
static PyObject *front_run(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyObject *card = args[0], *inputs = n > 1 ? args[1] : NULL, *attrs = n > 2 ? args[2] : NULL, *space[8], *result = NULL;
    if (n != 3 || !Py_IS_TYPE(card, Card) || !(PyTuple_CheckExact(inputs) || PyList_CheckExact(inputs)) || !PyDict_CheckExact(attrs) || !usual() ||
        OF_CARD(card, VARIADIC) != Py_False || PySequence_Fast_GET_SIZE(inputs) > 6)
        goto python;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(inputs);
    int kind = -1, tracked = 0, mixed = OF_CARD(card, PROMOTE) == Py_None;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *x = PySequence_Fast_ITEMS(inputs)[i];
        space[2 + i] = Py_None;
        if (x == Py_None) continue;
        PyArrayObject *a = is_plain(x) ? host(x) : NULL;
        if (!a || (kind >= 0 && PyArray_TYPE(a) != kind && !mixed)) goto python;
        int type = PyArray_TYPE(a);
        if (type != NPY_FLOAT && type != NPY_DOUBLE && !(type == NPY_LONG && mixed && kind >= 0)) goto python;
        kind = type;
        tracked |= NODE(x) != Py_None;
        space[2 + i] = (PyObject *)a;
    }
    if (kind < 0) goto python;
    if (tracked) {
        if ((tracked = recording()) < 0) return NULL;
        if (tracked && OF_CARD(card, VJP) == Py_None && OF_CARD(card, KIND) == s_composite) goto python;
    }
    if (OF_CARD(card, FUSED) != Py_None) {
        PyObject *arrays = PyList_New(count);
        if (!arrays) return NULL;
        for (Py_ssize_t i = 0; i < count; i++) PyList_SET_ITEM(arrays, i, Py_NewRef(space[2 + i]));
        result = PyObject_CallFunctionObjArgs(OF_CARD(card, FUSED), card, arrays, attrs, NULL);
        Py_DECREF(arrays);
        if (result == Py_None) Py_CLEAR(result);
        else if (!result) goto error;
    }
    if (!result) {
        space[1] = cpu;
        result = PyObject_VectorcallDict(OF_CARD(card, BODY), space + 1, (count + 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, attrs);
        if (!result) goto error;
    }
    return wrapped(card, result, inputs, attrs, tracked);
error:
    if (!PyErr_ExceptionMatches(PyExc_RuntimeWarning)) return NULL;
    PyErr_Clear();
python:
    return PyObject_Vectorcall(run_any, args, n, NULL);
}

/* run_one(card, x, attrs) */
static PyObject *front_run_one(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyObject *card = args[0], *x = n > 1 ? args[1] : NULL, *attrs = n > 2 ? args[2] : NULL, *result = NULL, *out;
    PyArrayObject *a;
    if (n != 3 || !Py_IS_TYPE(card, Card) || !is_plain(x) || !PyDict_CheckExact(attrs) || !usual() || !(a = host(x)) ||
        (PyArray_TYPE(a) != NPY_FLOAT && PyArray_TYPE(a) != NPY_DOUBLE))
        goto python;
    int tracked = NODE(x) != Py_None;
    if (tracked) {
        if ((tracked = recording()) < 0) return NULL;
        if (tracked && OF_CARD(card, VJP) == Py_None && OF_CARD(card, KIND) == s_composite) goto python;
    }
    PyObject *space[] = {NULL, OF_CARD(card, FUSED), card, (PyObject *)a, attrs};
    if (space[1] != Py_None) {
        result = PyObject_VectorcallMethod(s_one, space + 1, 4 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
        if (result == Py_None) Py_CLEAR(result);
        else if (!result) goto error;
    }
    if (!result) {
        space[1] = cpu, space[2] = (PyObject *)a;
        result = PyObject_VectorcallDict(OF_CARD(card, BODY), space + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, attrs);
        if (!result) goto error;
    }
    PyObject *inputs = PyTuple_Pack(1, x);
    if (!inputs) {
        Py_DECREF(result);
        return NULL;
    }
    out = wrapped(card, result, inputs, attrs, tracked);
    Py_DECREF(inputs);
    return out;
error:
    if (!PyErr_ExceptionMatches(PyExc_RuntimeWarning)) return NULL;
    PyErr_Clear();
python:
    return PyObject_Vectorcall(run_one_any, args, n, NULL);
}

/* ---- helpers of functions that stay in Python */

/* the arrays of plain tensors that have one dtype and one rank, as a list; None for all others */
static PyObject *front_arrays(PyObject *self, PyObject *tensors) {
    if (!(PyTuple_CheckExact(tensors) || PyList_CheckExact(tensors)) || !usual()) Py_RETURN_NONE;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(tensors);
    PyArrayObject *first = NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *x = PySequence_Fast_ITEMS(tensors)[i];
        PyArrayObject *a = is_plain(x) ? host(x) : NULL;
        if (!first) first = a;
        if (!a || PyArray_DESCR(a) != PyArray_DESCR(first) || PyArray_NDIM(a) != PyArray_NDIM(first)) Py_RETURN_NONE;
    }
    PyObject *arrays = PyList_New(count);
    for (Py_ssize_t i = 0; arrays && i < count; i++) PyList_SET_ITEM(arrays, i, Py_NewRef(ARRAY(PySequence_Fast_ITEMS(tensors)[i])));
    if (!count) Py_SETREF(arrays, Py_NewRef(Py_None));
    return arrays;
}

/* joined(tensors, new): plain tensors in order as one array, along the first axis or a new one before it; None where they do not fit */
static PyObject *front_joined(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    if (n != 2 || !(PyTuple_CheckExact(args[0]) || PyList_CheckExact(args[0])) || !usual()) Py_RETURN_NONE;
    Py_ssize_t count = PySequence_Fast_GET_SIZE(args[0]);
    PyObject **xs = PySequence_Fast_ITEMS(args[0]);
    int new = args[1] == Py_True;
    PyArrayObject *first = count && is_plain(xs[0]) ? host(xs[0]) : NULL;
    if (!first || PyArray_NDIM(first) + new < 1 || PyArray_NDIM(first) > 30) Py_RETURN_NONE;
    int ndim = PyArray_NDIM(first);
    npy_intp shape[32], length = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyArrayObject *a = is_plain(xs[i]) ? host(xs[i]) : NULL;
        if (!a || PyArray_DESCR(a) != PyArray_DESCR(first) || PyArray_NDIM(a) != ndim || !PyArray_IS_C_CONTIGUOUS(a)) Py_RETURN_NONE;
        for (int d = !new; d < ndim; d++)
            if (PyArray_DIM(a, d) != PyArray_DIM(first, d)) Py_RETURN_NONE;
        length += new ? 1 : PyArray_DIM(a, 0);
    }
    memcpy(shape + new, PyArray_DIMS(first), ndim * sizeof *shape);
    shape[0] = length;
    PyArray_Descr *kind = PyArray_DESCR(first);
    Py_INCREF(kind);
    PyObject *out = PyArray_NewFromDescr(&PyArray_Type, kind, ndim + new, shape, NULL, NULL, 0, NULL);
    if (!out) return NULL;
    char *to = PyArray_BYTES((PyArrayObject *)out);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyArrayObject *a = host(xs[i]);
        memcpy(to, PyArray_DATA(a), PyArray_NBYTES(a));
        to += PyArray_NBYTES(a);
    }
    return out;
}

/* pieces(x, array, keys, card, name): the views array[key] that one call gives */
static PyObject *front_pieces(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    if (n != 5 || !PyObject_TypeCheck(args[0], Fields) || !PyArray_CheckExact(args[1]) || !PyList_CheckExact(args[2])) {
        PyErr_SetString(PyExc_TypeError, "pieces(x, array, keys, card, name)");
        return NULL;
    }
    Py_ssize_t count = PyList_GET_SIZE(args[2]);
    PyObject *made = PyTuple_New(count);
    for (Py_ssize_t i = 0; made && i < count; i++) {
        PyObject *key = PyList_GET_ITEM(args[2], i), *attrs = PyDict_New(), *y = NULL, *source = NULL, *number = PyLong_FromSsize_t(i);
        if (attrs && number && !PyDict_SetItem(attrs, s_index, key)) y = seen(args[0], PyObject_GetItem(args[1], key), args[3], attrs);
        if (y) source = PyTuple_Pack(5, args[0], args[3], attrs, args[4], number);
        Py_XDECREF(attrs), Py_XDECREF(number);
        if (source) {
            Py_SETREF(SOURCE(y), source);
            PyTuple_SET_ITEM(made, i, y);
        } else {
            Py_XDECREF(y);
            Py_CLEAR(made);
        }
    }
    return made;
}

/* spread(array, shape): `broadcast_to` for a writable array in order, with -1 for an axis that stays; None where it does not fit */
static PyObject *front_spread(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyArrayObject *a = n == 2 && PyArray_CheckExact(args[0]) ? (PyArrayObject *)args[0] : NULL;
    if (!a || !PyTuple_Check(args[1]) || !PyArray_IS_C_CONTIGUOUS(a) || !PyArray_ISWRITEABLE(a)) Py_RETURN_NONE;
    Py_ssize_t count = PyTuple_GET_SIZE(args[1]), lead = count - PyArray_NDIM(a);
    npy_intp shape[32], strides[32];
    if (lead < 0 || count > 32) Py_RETURN_NONE;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *extent = PyTuple_GET_ITEM(args[1], i);
        if (!PyLong_CheckExact(extent)) Py_RETURN_NONE;
        npy_intp wanted = PyLong_AsSsize_t(extent), have = i < lead ? 1 : PyArray_DIM(a, i - lead);
        if (wanted == -1 && i >= lead) wanted = have;
        if (wanted < 0 || (have != wanted && have != 1)) {
            PyErr_Clear();
            Py_RETURN_NONE;
        }
        shape[i] = wanted;
        strides[i] = i < lead || have != wanted ? 0 : PyArray_STRIDE(a, i - lead);
    }
    PyArray_Descr *kind = PyArray_DESCR(a);
    Py_INCREF(kind);
    PyObject *out = PyArray_NewFromDescr(&PyArray_Type, kind, count, shape, strides, PyArray_DATA(a), 0, NULL);
    if (!out) return NULL;
    Py_INCREF(a);
    if (PyArray_SetBaseObject((PyArrayObject *)out, (PyObject *)a)) {
        Py_DECREF(out);
        return NULL;
    }
    PyArray_UpdateFlags((PyArrayObject *)out, NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_F_CONTIGUOUS);
    return out;
}

/* ---- flat loops: the loops of `backends/native.c` on whole arrays in order, without what a generalised ufunc does before */
typedef void (*Loop)(char **, const npy_intp *, const npy_intp *, void *);
typedef struct {
    /* called with the inputs and, for each output, an array to write into (it gives True) or the shape of one to make (it gives them);
       False where dtypes or lengths do not fit */
    PyObject_HEAD vectorcallfunc vectorcall;
    Loop loops[2];  /* for float32 and float64 */
    void *data;
    int n, inputs, rows;
    char types[12]; /* T the floating dtype, q int64 */
    char dims[12];  /* of each array, which of the loop's lengths is its own; -1: one element; -2: one element a row */
} Flat;

static PyObject *flat_call(PyObject *self, PyObject *const *args, size_t nf, PyObject *names) {
    Flat *f = (Flat *)self;
    char *data[12];
    npy_intp lengths[13] = {1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}, steps[24], count = 0, largest = 0;
    PyArrayObject *held[12];
    int n = f->n, kind = -1, ready = 0;
    if (PyVectorcall_NARGS(nf) != n || names) {
        PyErr_SetString(PyExc_TypeError, "a flat loop takes its arrays, inputs and then outputs");
        return NULL;
    }
    for (int i = 0; i < n; i++) {
        PyArrayObject *a = (PyArrayObject *)args[i], *fresh = NULL;
        if (i >= f->inputs && PyTuple_CheckExact(args[i])) { /* the shape of an array to make */
            npy_intp shape[32];
            Py_ssize_t ndim = PyTuple_GET_SIZE(args[i]);
            for (Py_ssize_t d = 0; d < ndim && d < 32; d++) shape[d] = PyLong_AsSsize_t(PyTuple_GET_ITEM(args[i], d));
            if (PyErr_Occurred() || ndim > 32) goto failed;
            fresh = a = (PyArrayObject *)PyArray_SimpleNew(ndim, shape, f->types[i] == 'T' ? kind : NPY_INT64);
            if (!a) goto failed;
        }
        int type = PyArray_Check((PyObject *)a) ? PyArray_TYPE(a) : -1;
        if (kind < 0) kind = type;
        if (type != (f->types[i] == 'T' ? kind : NPY_INT64) || (kind != NPY_FLOAT && kind != NPY_DOUBLE) ||
            (i >= f->inputs && !(PyArray_IS_C_CONTIGUOUS(a) && PyArray_ISWRITEABLE(a))))
            goto unfit;
        held[i] = fresh ? fresh : PyArray_GETCONTIGUOUS(a);
        if (!held[i]) goto failed;
        ready = i + 1;
        a = held[i];
        data[i] = PyArray_BYTES(a);
        npy_intp size = PyArray_SIZE(a), item = PyArray_ITEMSIZE(a);
        steps[i] = f->dims[i] == -2 ? item : 0;
        if (size > largest) largest = size;
        if (f->dims[i] < 0) continue;
        if (f->rows && !PyArray_NDIM(a)) goto unfit;
        npy_intp length = f->rows ? PyArray_DIM(a, PyArray_NDIM(a) - 1) : size, *own = lengths + 1 + (int)f->dims[i];
        if (*own >= 0 && *own != length) goto unfit;
        *own = length;
        if (f->rows) {
            npy_intp rows = length ? size / length : 0;
            if (i && rows != lengths[0]) goto unfit;
            lengths[0] = rows, steps[i] = length * item;
        }
        steps[n + count++] = item;
    }
    if (largest > 1 << 14) {
        Py_BEGIN_ALLOW_THREADS
        f->loops[kind == NPY_DOUBLE](data, lengths, steps, f->data);
        Py_END_ALLOW_THREADS
    } else
        f->loops[kind == NPY_DOUBLE](data, lengths, steps, f->data);
    PyObject *result = Py_True;
    if (!PyTuple_CheckExact(args[n - 1]))
        Py_INCREF(result);
    else if (f->inputs == n - 1)
        result = Py_NewRef((PyObject *)held[n - 1]);
    else if ((result = PyTuple_New(n - f->inputs)))
        for (int i = f->inputs; i < n; i++) PyTuple_SET_ITEM(result, i - f->inputs, Py_NewRef((PyObject *)held[i]));
    for (int i = 0; i < n; i++) Py_DECREF(held[i]);
    return result;
unfit: /* not its dtypes, or lengths that differ */
    for (int i = 0; i < ready; i++) Py_DECREF(held[i]);
    Py_RETURN_FALSE;
failed:
    for (int i = 0; i < ready; i++) Py_DECREF(held[i]);
    return NULL;
}

static PyTypeObject FlatType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "flambeau.front.Flat",
    .tp_basicsize = sizeof(Flat),
    .tp_vectorcall_offset = offsetof(Flat, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
};

/* flat(address of the loop for float32, for float64, of its data, types, dims, inputs, rows) */
static PyObject *front_flat(PyObject *self, PyObject *args) {
    unsigned long long single, twice, data;
    const char *types;
    PyObject *dims;
    int inputs, rows;
    if (!PyArg_ParseTuple(args, "KKKsO!ip", &single, &twice, &data, &types, &PyTuple_Type, &dims, &inputs, &rows)) return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(dims);
    if (n > 12 || (Py_ssize_t)strlen(types) != n) {
        PyErr_SetString(PyExc_ValueError, "a flat loop has a type and a length for each of up to 12 arrays");
        return NULL;
    }
    Flat *f = PyObject_New(Flat, &FlatType);
    if (!f) return NULL;
    f->vectorcall = flat_call;
    f->loops[0] = (Loop)(uintptr_t)single, f->loops[1] = (Loop)(uintptr_t)twice, f->data = (void *)(uintptr_t)data;
    f->n = n, f->inputs = inputs, f->rows = rows;
    memcpy(f->types, types, n);
    for (Py_ssize_t i = 0; i < n; i++) f->dims[i] = (char)PyLong_AsLong(PyTuple_GET_ITEM(dims, i));
    return (PyObject *)f;
}

/* ---- random numbers: PyTorch's ways from the words of MT19937 to float32.  The caller holds the generator's lock. */
static bitgen_t *bits(PyObject *capsule) { return PyCapsule_GetPointer(capsule, "BitGenerator"); }

static void uniform_fill(bitgen_t *source, float *out, npy_intp n) {
    for (npy_intp i = 0; i < n; i++) out[i] = (float)(source->next_uint32(source->state) & 0xffffff) * 0x1p-24f;
}

/* Box and Muller's method on blocks of 16, eight radii and eight angles.  Logarithm, sine and cosine are the polynomials of Cephes with
   fused multiplications and additions, as PyTorch's: so the numbers are its numbers to the last bit. */
#define NORMAL_BLOCKS(name, attribute) \
attribute static void name(float *x, npy_intp n) { \
    for (npy_intp b = 0; b + 16 <= n; b += 16) { \
        float radius[8], sines[8], cosines[8]; \
        for (int i = 0; i < 8; i++) { \
            union { float f; uint32_t u; } m = {.f = 1.0f - x[b + i]}; \
            float e = (float)((int)(m.u >> 23) - 126); \
            m.u = (m.u & 0x807fffff) | 0x3f000000; \
            int low = m.f < 0.707106781186547524f; \
            float v = low ? (m.f - 1.0f) + m.f : m.f - 1.0f, z = v * v, y = 7.0376836292e-2f; \
            e = low ? e - 1.0f : e; \
            y = fmaf(y, v, -1.1514610310e-1f), y = fmaf(y, v, 1.1676998740e-1f), y = fmaf(y, v, -1.2420140846e-1f); \
            y = fmaf(y, v, 1.4249322787e-1f), y = fmaf(y, v, -1.6668057665e-1f), y = fmaf(y, v, 2.0000714765e-1f); \
            y = fmaf(y, v, -2.4999993993e-1f), y = fmaf(y, v, 3.3333331174e-1f); \
            y = y * v; \
            y = fmaf(y, z, e * -2.12194440e-4f), y = fmaf(z, -0.5f, y); \
            radius[i] = sqrtf(-2.0f * fmaf(e, 0.693359375f, v + y)); \
        } \
        for (int i = 0; i < 8; i++) { \
            float v = 6.283185307179586f * x[b + 8 + i]; \
            int j = ((int)(v * 1.27323954473516f) + 1) & ~1; \
            float y = (float)j; \
            v = fmaf(y, -0.78515625f, v), v = fmaf(y, -2.4187564849853515625e-4f, v), v = fmaf(y, -3.77489497744594108e-8f, v); \
            float z = v * v, c = 2.443315711809948e-5f, s = -1.9515295891e-4f; \
            c = fmaf(c, z, -1.388731625493765e-3f), c = fmaf(c, z, 4.166664568298827e-2f), c = c * z; \
            c = FUSED_COSINE + 1.0f; \
            s = fmaf(s, z, 8.3321608736e-3f), s = fmaf(s, z, -1.6666654611e-1f), s = fmaf(s * z, v, v); \
            int even = (j & 2) == 0; \
            float sine = even ? s : c, cosine = even ? c : s; \
            sines[i] = j & 4 ? -sine : sine; \
            cosines[i] = (j - 2) & 4 ? cosine : -cosine; \
        } \
        for (int i = 0; i < 8; i++) x[b + i] = radius[i] * cosines[i], x[b + 8 + i] = radius[i] * sines[i]; \
    } \
}
#define FUSED_COSINE fmaf(c, z, z * -0.5f)

NORMAL_BLOCKS(normal_blocks, )
#if defined(__x86_64__) && defined(__GNUC__)
NORMAL_BLOCKS(normal_blocks_fma, __attribute__((target("avx2,fma"), optimize("O3"))))
#define FASTEST (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2") ? normal_blocks_fma : normal_blocks)
#else
#define FASTEST normal_blocks
#endif

/* 1/keep with that probability, else 0: 53 bits of two words a number */
static void mask_fill(bitgen_t *source, float *out, npy_intp n, double keep) {
    float kept = 1.0f / (float)keep;
    for (npy_intp i = 0; i < n; i++) {
        uint64_t high = source->next_uint32(source->state), low = source->next_uint32(source->state);
        out[i] = (double)((high << 32 | low) & 0x1fffffffffffff) * 0x1p-53 < keep ? kept : 0.0f;
    }
}

/* uniform(capsule, shape), normal(capsule, shape), mask(capsule, shape, keep): float32; normal for 16 numbers and more */
static PyObject *drawn(PyObject *const *args, Py_ssize_t n, int normal) {
    double keep = normal == 2 && n == 3 ? PyFloat_AsDouble(args[2]) : 0;
    if (PyErr_Occurred()) return NULL;
    bitgen_t *source = n == 2 + (normal == 2) && PyTuple_Check(args[1]) ? bits(args[0]) : NULL;
    npy_intp shape[32], size = 1;
    Py_ssize_t count = source ? PyTuple_GET_SIZE(args[1]) : 33;
    for (Py_ssize_t i = 0; count <= 32 && i < count; i++) {
        shape[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(args[1], i));
        if (shape[i] < 0) count = 33;
        size *= shape[i < 32 ? i : 0];
    }
    if (count > 32) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "expected the capsule of a bit generator and a shape");
        return NULL;
    }
    PyObject *out = PyArray_SimpleNew(count, shape, NPY_FLOAT);
    if (!out) return NULL;
    float *x = PyArray_DATA((PyArrayObject *)out);
    PyThreadState *saved = size > 4096 ? PyEval_SaveThread() : NULL;
    if (normal == 2)
        mask_fill(source, x, size, keep);
    else
        uniform_fill(source, x, size);
    if (normal == 1) {
        FASTEST(x, size);
        if (size % 16) { /* the last 16 places are drawn anew */
            uniform_fill(source, x + size - 16, 16);
            FASTEST(x + size - 16, 16);
        }
    }
    if (saved) PyEval_RestoreThread(saved);
    return out;
}

static PyObject *front_uniform(PyObject *self, PyObject *const *args, Py_ssize_t n) { return drawn(args, n, 0); }
static PyObject *front_normal(PyObject *self, PyObject *const *args, Py_ssize_t n) { return drawn(args, n, 1); }
static PyObject *front_mask(PyObject *self, PyObject *const *args, Py_ssize_t n) { return drawn(args, n, 2); }

/* ramp(start, end, steps, double): `steps` numbers at even distances, counted from the nearer end with one rounding each, as PyTorch's */
static PyObject *front_ramp(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    if (n != 4) {
        PyErr_SetString(PyExc_TypeError, "ramp(start, end, steps, double)");
        return NULL;
    }
    double start = PyFloat_AsDouble(args[0]), end = PyFloat_AsDouble(args[1]);
    npy_intp steps = PyLong_AsSsize_t(args[2]);
    if (PyErr_Occurred()) return NULL;
    if (steps < 2) {
        PyErr_SetString(PyExc_ValueError, "a ramp has at least two numbers");
        return NULL;
    }
    PyObject *out = PyArray_SimpleNew(1, &steps, args[3] == Py_True ? NPY_DOUBLE : NPY_FLOAT);
    if (!out) return NULL;
    npy_intp half = steps / 2;
    if (args[3] == Py_True) {
        double *x = PyArray_DATA((PyArrayObject *)out), step = (end - start) / (double)(steps - 1);
        for (npy_intp i = 0; i < half; i++) x[i] = fma(step, (double)i, start);
        for (npy_intp i = half; i < steps; i++) x[i] = fma(-step, (double)(steps - 1 - i), end);
    } else {
        float *x = PyArray_DATA((PyArrayObject *)out), from = (float)start, to = (float)end, step = (to - from) / (float)(steps - 1);
        for (npy_intp i = 0; i < half; i++) x[i] = fmaf(step, (float)i, from);
        for (npy_intp i = half; i < steps; i++) x[i] = fmaf(-step, (float)(steps - 1 - i), to);
    }
    return out;
}

/* ---- attributes */
static PyObject *get_shape(PyObject *x, void *ignored) {
    PyObject *a = ARRAY(x), *shape, *size;
    shape = a && PyArray_Check(a) ? PyArray_IntTupleFromIntp(PyArray_NDIM((PyArrayObject *)a), PyArray_DIMS((PyArrayObject *)a))
                                  : PyObject_GetAttrString(a ? a : Py_None, "shape");
    if (!shape) return NULL;
    size = PyObject_GetItem(sizes, shape);
    Py_DECREF(shape);
    return size;
}

static PyObject *get_dtype(PyObject *x, void *ignored) {
    PyObject *a = ARRAY(x);
    if (a && PyArray_Check(a)) return our_dtype((PyArrayObject *)a);
    PyObject *kind = PyObject_GetAttrString(a ? a : Py_None, "dtype"), *ours = kind ? PyObject_GetItem(by_numpy, kind) : NULL;
    Py_XDECREF(kind);
    return ours;
}

static PyGetSetDef attributes[] = {{"shape", get_shape, NULL, "The extents, a `Size`.", NULL}, {"dtype", get_dtype, NULL, "The elements' type.", NULL}};

/* attributes(Tensor, sizes): tensors get `shape` and `dtype` from here; sizes: a tuple -> its Size */
static PyObject *front_attributes(PyObject *self, PyObject *args) {
    PyTypeObject *kind;
    if (!PyArg_ParseTuple(args, "O!O", &PyType_Type, &kind, &sizes)) return NULL;
    Py_INCREF(sizes);
    for (int i = 0; i < 2; i++) {
        PyObject *descriptor = PyDescr_NewGetSet(kind, attributes + i);
        int bad = !descriptor || PyObject_SetAttrString((PyObject *)kind, attributes[i].name, descriptor);
        Py_XDECREF(descriptor);
        if (bad) return NULL;
    }
    Py_RETURN_NONE;
}

/* ---- fronts */
enum { UNARY, BINARY, REFLECTED, REDUCED, INPLACE, LISTED, NAMED };

/* Whether an argument has a name of NumPy's. */
static int numpys(PyObject *names) {
    for (Py_ssize_t i = names ? PyTuple_GET_SIZE(names) : 0; i-- > 0;) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (!PyUnicode_CompareWithASCIIString(name, "axis") || !PyUnicode_CompareWithASCIIString(name, "keepdims")) return 1;
    }
    return 0;
}


typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *dict, *weak;
    PyObject *slow;     /* the closure */
    PyObject *ufunc;    /* NumPy's function of arrays */
    PyObject *card;
    int form;
    int checked;        /* 1: the result's dtype must be the input's; 2: complex numbers, which have no order, are refused; 4: so are halves */
    int numbers;        /* BINARY: y may be a number; REDUCED: 1: right for every dtype but uint8, 2: of the whole alone;
                           NAMED: most arguments by place, 0: any */
    int differentiable;
    int keeps[2][3];    /* for each formula, whether it names (out, x, y) */
} Front;

static int named_by(Front *f, int what, int x, int y) {
    return (x && f->keeps[0][what]) || (y && f->keeps[1][what]);
}

static PyObject *slow(Front *f, PyObject *const *args, size_t nf, PyObject *names) { return PyObject_Vectorcall(f->slow, args, nf, names); }

static inline int is_number(PyObject *y) { return PyFloat_CheckExact(y) || PyLong_CheckExact(y); }

static PyObject *unary(Front *f, PyObject *const *args, size_t nf, PyObject *names) {
    PyArrayObject *a;
    if (names || PyVectorcall_NARGS(nf) != 1 || !is_plain(args[0]) || !usual() || !(a = host(args[0])) ||
        (f->checked & 2 && PyArray_ISCOMPLEX(a)))
        return slow(f, args, nf, names);
    PyObject *given[2] = {NULL, (PyObject *)a}, *x = args[0];
    PyObject *r = as_array(PyObject_Vectorcall(f->ufunc, given + 1, 1 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL));
    if (!r) return answered() ? slow(f, args, nf, names) : NULL;
    if (!PyArray_CheckExact(r) || ((f->checked & 1) && PyArray_DESCR((PyArrayObject *)r) != PyArray_DESCR(a))) {
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
    if ((a || b) && (f->checked & 4 || !a || !b) && PyArray_TYPE(a ? a : b) == NPY_HALF)
        return slow(f, args, nf, names); /* NumPy multiplies matrices of halves one by one, and rounds a number beside halves first */
    if (f->form == REFLECTED ? !b || !is_number(x) : !a || (b ? PyArray_DESCR(a) != PyArray_DESCR(b) : !f->numbers || !is_number(y)))
        return slow(f, args, nf, names);
    if (f->checked & 2 && PyArray_ISCOMPLEX(a ? a : b)) return slow(f, args, nf, names);
    if (a) given[1] = (PyObject *)a;
    if (b) given[2] = (PyObject *)b;
    PyObject *r = as_array(PyObject_Vectorcall(f->ufunc, given + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL));
    if (!r) return answered() ? slow(f, args, nf, names) : NULL;
    if (!PyArray_CheckExact(r) || ((f->checked & 1) && PyArray_DESCR((PyArrayObject *)r) != PyArray_DESCR(a ? a : b))) {
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
    if (n < 1 || n > 3 || !is_plain(args[0]) || !usual() || (f->numbers & 2 && (n > 1 || names))) return slow(f, args, nf, names);
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
    if (kind != NPY_FLOAT && kind != NPY_DOUBLE && (!(f->numbers & 1) || kind == NPY_UINT8)) return slow(f, args, nf, names);
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
        } else if (!is_number(args[1]) || PyArray_TYPE(a) == NPY_HALF)
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

/* copied(x, source): x[...] = source for two tensors of one dtype and shape, and True; False where there is more to see to */
static PyObject *front_copied(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    PyArrayObject *a, *b;
    if (n != 2 || !is_plain(args[0]) || !is_plain(args[1]) || !usual() || tracked(args[0]) || NODE(args[1]) != Py_None ||
        !(a = host(args[0])) || !(b = host(args[1])) || PyArray_DESCR(a) != PyArray_DESCR(b) || !PyArray_SAMESHAPE(a, b) ||
        !PyArray_ISWRITEABLE(a) || overlap(a, b))
        Py_RETURN_FALSE;
    if (PyArray_CopyInto(a, b) || written(args[0])) return NULL;
    Py_RETURN_TRUE;
}

static PyObject *call(PyObject *self, PyObject *const *args, size_t nf, PyObject *names) {
    Front *f = (Front *)self;
    switch (f->form) {
        case UNARY: return unary(f, args, nf, names);
        case REDUCED: return reduced(f, args, nf, names);
        case INPLACE: return inplace(f, args, nf, names);
        case LISTED: return PyObject_Vectorcall(usual() ? f->ufunc : f->slow, args, nf, names);
        case NAMED:
            return PyObject_Vectorcall(numpys(names) || (f->numbers && PyVectorcall_NARGS(nf) > f->numbers) ? f->slow : f->ufunc, args, nf, names);
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
    if (!PyArg_ParseTuple(args, "iOOOO!ii", &form, &closure, &ufunc, &card, &PyTuple_Type, &keeps, &checked, &numbers)) return NULL;
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

/* ---- functions made of several ops, which types with a protocol of their own may do as a whole */
static PyObject *asked;  /* type -> None where it has no protocol */
static PyObject *settle; /* overriding.settle(function, args, kwargs) */

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *dict, *weak;
    PyObject *function, *place; /* what it stands before, and the public module that offers it */
} Asking;

/* whether x has no protocol, so that nobody need be asked; a sequence that begins with a number holds numbers */
static int quiet(PyObject *x) {
    PyTypeObject *kind = Py_TYPE(x);
    if (kind == Tensor || kind == Parameter || kind == &PyLong_Type || kind == &PyFloat_Type || kind == &PyBool_Type || x == Py_None) return 1;
    if (kind == &PyTuple_Type || kind == &PyList_Type) {
        for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(x); i++) {
            PyObject *item = PySequence_Fast_GET_ITEM(x, i);
            if (is_number(item)) return 1;
            if (!is_plain(item) && !quiet(item)) return 0;
        }
        return 1;
    }
    return PyDict_GetItem(asked, (PyObject *)kind) == Py_None;
}

static PyObject *ask_first(PyObject *self, PyObject *const *args, size_t nf, PyObject *names) {
    Py_ssize_t n = PyVectorcall_NARGS(nf), named = names ? PyTuple_GET_SIZE(names) : 0;
    int plain = usual();
    for (Py_ssize_t i = 0; plain && i < n + named; i++) plain = quiet(args[i]);
    if (plain) return PyObject_Vectorcall(((Asking *)self)->function, args, nf, names);
    PyObject *given = PyTuple_New(n), *options = PyDict_New(), *result = NULL;
    for (Py_ssize_t i = 0; given && i < n; i++) PyTuple_SET_ITEM(given, i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; options && i < named; i++)
        if (PyDict_SetItem(options, PyTuple_GET_ITEM(names, i), args[n + i])) Py_CLEAR(options);
    if (given && options) result = PyObject_CallFunctionObjArgs(settle, self, given, options, NULL);
    Py_XDECREF(given), Py_XDECREF(options);
    return result;
}

static int asking_traverse(Asking *f, visitproc visit, void *arg) {
    Py_VISIT(f->dict);
    Py_VISIT(f->function);
    return 0;
}

static int asking_clear(Asking *f) {
    Py_CLEAR(f->dict);
    Py_CLEAR(f->function);
    return 0;
}

static void asking_dealloc(Asking *f) {
    PyObject_GC_UnTrack(f);
    if (f->weak) PyObject_ClearWeakRefs((PyObject *)f);
    asking_clear(f);
    Py_CLEAR(f->place);
    Py_TYPE(f)->tp_free((PyObject *)f);
}

/* its own attributes, then those of the function */
static PyObject *asking_get(PyObject *self, PyObject *name) {
    PyObject *found = PyObject_GenericGetAttr(self, name);
    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
    PyErr_Clear();
    return PyObject_GetAttr(((Asking *)self)->function, name);
}

static PyObject *asking_doc(PyObject *self, void *ignored) { return PyObject_GetAttrString(((Asking *)self)->function, "__doc__"); }

static PyMemberDef asking_members[] = {{"__wrapped__", T_OBJECT, offsetof(Asking, function), READONLY, NULL},
                                       {"__module__", T_OBJECT, offsetof(Asking, place), READONLY, NULL},
                                       {NULL}};
static PyGetSetDef asking_getset[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
                                      {"__doc__", asking_doc, NULL, NULL, NULL},
                                      {NULL}};

static PyTypeObject AskingType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "flambeau.front.Asking",
    .tp_basicsize = sizeof(Asking),
    .tp_dealloc = (destructor)asking_dealloc,
    .tp_vectorcall_offset = offsetof(Asking, vectorcall),
    .tp_call = PyVectorcall_Call,
    .tp_repr = front_repr,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    .tp_traverse = (traverseproc)asking_traverse,
    .tp_clear = (inquiry)asking_clear,
    .tp_weaklistoffset = offsetof(Asking, weak),
    .tp_methods = front_methods,
    .tp_members = asking_members,
    .tp_getset = asking_getset,
    .tp_getattro = asking_get,
    .tp_descr_get = front_bound,
    .tp_dictoffset = offsetof(Asking, dict),
};

/* asking(function, place): the function, as the public module of this name offers it */
static PyObject *front_asking(PyObject *self, PyObject *args) {
    PyObject *function, *place;
    if (!PyArg_ParseTuple(args, "OU", &function, &place)) return NULL;
    Asking *f = PyObject_GC_New(Asking, &AskingType);
    if (!f) return NULL;
    f->vectorcall = ask_first;
    f->dict = f->weak = NULL;
    f->function = Py_NewRef(function), f->place = Py_NewRef(place);
    PyObject_GC_Track(f);
    return (PyObject *)f;
}

/* link_asking(asked, settle) */
static PyObject *front_link_asking(PyObject *self, PyObject *args) {
    if (!PyArg_ParseTuple(args, "O!O", &PyDict_Type, &asked, &settle)) return NULL;
    Py_INCREF(asked), Py_INCREF(settle);
    Py_RETURN_NONE;
}

/* ---- the module */
static PyObject *front_fields(PyObject *self, PyObject *kind) {
    if (!PyType_Check(kind) || places((PyTypeObject *)kind, FIELDS, 6, field_at)) return NULL;
    Fields = (PyTypeObject *)Py_NewRef(kind);
    Py_RETURN_NONE;
}

/* link(Tensor, Parameter, Node, Pick, Card, vars(context), grad, BY_NUMPY, count, drop_dead, record, record_many, no_attrs, nothing) */
static PyObject *front_link(PyObject *self, PyObject *args) {
    static const char *const index[] = {"index"};
    PyTypeObject *type = &PyType_Type, *dict = &PyDict_Type;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!O!OOOOOOO!O!", type, &Tensor, type, &Parameter, type, &Node, type, &Pick, type, &Card, dict, &context,
                          &grad, &by_numpy, &counting, &drop_dead, &record_any, &record_many_any, dict, &no_attrs, &PyTuple_Type, &nothing))
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) Py_INCREF(PyTuple_GET_ITEM(args, i));
    if (places(Node, NODE_FIELDS, 8, node_at) || places(Pick, index, 1, pick_at) || places(Card, CARD_FIELDS, 9, card_at)) return NULL;
    Py_RETURN_NONE;
}

/* link_run(backends.numpy, run, run_one, wrap) */
static PyObject *front_link_run(PyObject *self, PyObject *args) {
    if (!PyArg_ParseTuple(args, "OOOO", &cpu, &run_any, &run_one_any, &wrap_any)) return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); i++) Py_INCREF(PyTuple_GET_ITEM(args, i));
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"new", (PyCFunction)(void (*)(void))front_new, METH_FASTCALL, NULL},
    {"ready", front_ready, METH_O, NULL},
    {"seen", (PyCFunction)(void (*)(void))front_seen, METH_FASTCALL, NULL},
    {"node", (PyCFunction)(void (*)(void))front_node, METH_FASTCALL, NULL},
    {"record", (PyCFunction)(void (*)(void))front_record, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"record_many", (PyCFunction)(void (*)(void))front_record_many, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"run", (PyCFunction)(void (*)(void))front_run, METH_FASTCALL, NULL},
    {"run_one", (PyCFunction)(void (*)(void))front_run_one, METH_FASTCALL, NULL},
    {"link_run", front_link_run, METH_VARARGS, NULL},
    {"copied", (PyCFunction)(void (*)(void))front_copied, METH_FASTCALL, NULL},
    {"arrays_of", front_arrays, METH_O, NULL},
    {"joined", (PyCFunction)(void (*)(void))front_joined, METH_FASTCALL, NULL},
    {"pieces", (PyCFunction)(void (*)(void))front_pieces, METH_FASTCALL, NULL},
    {"spread", (PyCFunction)(void (*)(void))front_spread, METH_FASTCALL, NULL},
    {"uniform", (PyCFunction)(void (*)(void))front_uniform, METH_FASTCALL, NULL},
    {"mask", (PyCFunction)(void (*)(void))front_mask, METH_FASTCALL, NULL},
    {"normal", (PyCFunction)(void (*)(void))front_normal, METH_FASTCALL, NULL},
    {"ramp", (PyCFunction)(void (*)(void))front_ramp, METH_FASTCALL, NULL},
    {"flat", front_flat, METH_VARARGS, NULL},
    {"attributes", front_attributes, METH_VARARGS, NULL},
    {"front", front_front, METH_VARARGS, NULL},
    {"asking", front_asking, METH_VARARGS, NULL},
    {"link_asking", front_link_asking, METH_VARARGS, NULL},
    {"fields", front_fields, METH_O, NULL},
    {"link", front_link, METH_VARARGS, NULL},
    {NULL},
};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_front", NULL, -1, methods};

PyMODINIT_FUNC PyInit__front(void) {
    import_array();
    if (PyType_Ready(&FrontType) < 0 || PyType_Ready(&AskingType) < 0 || PyType_Ready(&FlatType) < 0) return NULL;
    s_unusual = PyUnicode_InternFromString("unusual"), s_enabled = PyUnicode_InternFromString("enabled");
    s_dim = PyUnicode_InternFromString("dim"), s_keepdim = PyUnicode_InternFromString("keepdim");
    s_composite = PyUnicode_InternFromString("composite"), s_view = PyUnicode_InternFromString("view"), s_one = PyUnicode_InternFromString("one");
    s_index = PyUnicode_InternFromString("index");
    out_names = Py_BuildValue("(s)", "out");
    zero = PyLong_FromLong(0), first_limit = PyLong_FromLong(8);
    return PyErr_Occurred() ? NULL : PyModule_Create(&definition);
}
