"""The three of them agree: the body on NumPy, the program in the interpreter, the generated C."""

from __future__ import annotations

import ctypes
import importlib.util
import math
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from flambeau.kernels import NotLowerable, fuse, lower_all
from flambeau.kernels.interpret import interpret
from flambeau.kernels.threads import get_num_threads, set_num_threads

spec = importlib.util.spec_from_file_location("kernel_bodies", Path(__file__).with_name("bodies.py"))
bodies = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = bodies
spec.loader.exec_module(bodies)

TOLERANCE = {np.dtype(np.float32): 2e-5, np.dtype(np.float64): 1e-11}
every_body = pytest.mark.parametrize("case", bodies.CASES.values(), ids=bodies.CASES)
floats = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def tuple_of(result):
    return result if isinstance(result, tuple) else (result,)


def close(found, expected, dtype, scale=1.0):
    for a, b in zip(tuple_of(found), tuple_of(expected), strict=True):
        assert (a.dtype, a.shape) == (np.asarray(b).dtype, np.shape(b))
        tolerance = scale * TOLERANCE[np.dtype(dtype)]
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def kernel_of(case, dtype):
    kernel = fuse(case.body, case.signature, [bodies.dtypes(case, dtype)])
    if kernel is None:
        pytest.skip("no C compiler on this machine")
    return kernel


def on_numpy(case, arrays):
    with np.errstate(all="ignore"):
        return case.body(np, *arrays)


@every_body
@floats
def test_the_interpreter_does_what_the_body_does(case, dtype):
    arrays = bodies.inputs(case, dtype, 3, 5)
    (program,) = lower_all(case.body, case.signature, [bodies.dtypes(case, dtype)])
    close(interpret(program, *arrays), on_numpy(case, arrays), dtype)


@every_body
@floats
@pytest.mark.parametrize("size", [(1, 1), (4, 16), (3, 131), (70, 1000)], ids=str)
def test_the_kernel_does_what_the_body_does(case, dtype, size):
    arrays = bodies.inputs(case, dtype, *size)
    if case.body is bodies.variance and size[1] == 1:
        pytest.skip("the variance of one element is nan with a warning on NumPy")
    close(kernel_of(case, dtype).ufunc(*arrays), on_numpy(case, arrays), dtype, scale=size[0] ** 0.5)


@every_body
@floats
def test_the_kernel_does_what_the_interpreter_does_on_the_edges(case, dtype):
    arrays = bodies.inputs(case, dtype, 4, 6)
    arrays[0] = arrays[0].copy()
    arrays[0][1, 2], arrays[0][2, 3], arrays[0][3, :2] = np.nan, np.inf, (-np.inf, 0.0)
    (program,) = lower_all(case.body, case.signature, [bodies.dtypes(case, dtype)])
    close(kernel_of(case, dtype).ufunc(*arrays), interpret(program, *arrays), dtype)


@every_body
def test_strided_arrays(case):
    arrays = bodies.inputs(case, np.float32, 37, 29)
    strange = [np.asfortranarray(a) if i % 2 else np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a for i, a in enumerate(arrays)]
    kernel = kernel_of(case, np.float32)
    straight = tuple_of(kernel.ufunc(*arrays))
    for a, b in zip(tuple_of(kernel.ufunc(*strange)), straight, strict=True):
        np.testing.assert_array_equal(a, b)
    out = tuple(np.asfortranarray(np.empty_like(y)) if y.ndim < 2 else np.empty_like(y.T).T for y in straight)
    kernel.ufunc(*arrays, out=out)
    for a, b in zip(out, straight, strict=True):
        np.testing.assert_array_equal(a, b)


@every_body
@pytest.mark.parametrize("size", [(0, 5), (3, 0)], ids=str)
def test_empty_arrays(case, size):
    arrays = bodies.inputs(case, np.float32, *size)
    for y in tuple_of(kernel_of(case, np.float32).ufunc(*arrays)):
        assert y.size == 0 or size[1] == 0 or not y.any()  # a sum of no rows is zero


def test_threads_do_not_change_a_bit():
    before = get_num_threads()
    try:
        for case in bodies.CASES.values():
            arrays = bodies.inputs(case, np.float32, 600, 500)
            results = []
            for count in (1, 2, 3):
                set_num_threads(count)
                results.append([y.tobytes() for y in tuple_of(kernel_of(case, np.float32).ufunc(*arrays))])
            assert results[0] == results[1] == results[2], case.body.__name__
    finally:
        set_num_threads(before)
    with pytest.raises(ValueError, match="positive number of threads, got 0"):
        set_num_threads(0)


def test_an_axis_other_than_the_last():
    case = bodies.CASES["softmax"]
    x = np.random.default_rng(0).standard_normal((3, 40, 5)).astype(np.float32)
    expected = np.moveaxis(bodies.softmax(np, np.moveaxis(x, 1, -1)), -1, 1)
    close(kernel_of(case, np.float32)(x, axis=1), expected, np.float32)


def test_in_place():
    case = bodies.CASES["adam"]
    arrays = bodies.inputs(case, np.float32, 50, 41)
    expected = on_numpy(case, arrays)
    kernel_of(case, np.float32).ufunc(*arrays, out=(arrays[0], arrays[2], arrays[3]))
    close((arrays[0], arrays[2], arrays[3]), expected, np.float32)
    row = bodies.CASES["softmax"]
    x = bodies.inputs(row, np.float32, 9, 33)[0]
    expected = bodies.softmax(np, x)
    close(kernel_of(row, np.float32).ufunc(x, out=x), expected, np.float32)
    close(kernel_of(row, np.float32).ufunc(x[1:], out=x[:-1]), bodies.softmax(np, expected[1:]), np.float32)  # overlapping


def test_numbers_are_read_once_and_may_still_be_arrays():
    case = bodies.CASES["adam"]
    kernel = fuse(case.body, case.signature, numbers=3)
    if kernel is None:
        pytest.skip("no C compiler on this machine")
    assert str(kernel.programs[0]).index("load 6") < str(kernel.programs[0]).index("loop")
    arrays = bodies.inputs(case, np.float32, 300, 70)
    close(kernel.ufunc(*arrays), on_numpy(case, arrays), np.float32)
    arrays[4] = np.linspace(0.1, 0.2, 70, dtype=np.float32)
    close(kernel.ufunc(*arrays), on_numpy(case, arrays), np.float32)
    close(interpret(kernel.programs[0], *[a[:2, :3] if a.ndim == 2 else np.float32(0.5) for a in arrays]),
          on_numpy(case, [a[:2, :3] if a.ndim == 2 else np.float32(0.5) for a in arrays]), np.float32)  # fmt: skip
    with pytest.raises(ValueError, match="for elementwise signatures"):
        fuse(bodies.softmax, "(n)->(n)", numbers=1)


def test_no_warning_for_what_happens_on_the_way():
    def logarithm(xp, x):
        return xp.log(x) / 0.0 * xp.exp(1000.0 * x)

    kernel = kernel_of(bodies.Case(logarithm, "()->()", (("n",),)), np.float32)
    with warnings.catch_warnings(), np.errstate(all="warn"):
        warnings.simplefilter("error")
        kernel.ufunc(np.array([-1.0, 0.0, 5.0], np.float32))


def test_long_rows_are_summed_accurately():
    def total(xp, x):
        return xp.sum(x, axis=-1)

    x = np.random.default_rng(0).random(3_000_000, np.float32)
    kernel = kernel_of(bodies.Case(total, "(n)->()", (("n",),)), np.float32)
    assert kernel.ufunc(x) == pytest.approx(x.sum(dtype=np.float64), rel=2e-7)


@pytest.mark.parametrize(("name", "ulps"), {"exp": 1, "expm1": 1.5, "log": 1, "log1p": 1, "tanh": 2.5, "erf": 2}.items())
def test_single_precision_functions_are_accurate(name, ulps):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-12, 12, 4000), rng.standard_normal(2000) * 1e-3, 10.0 ** rng.uniform(-40, 38, 2000)])
    x = x.astype(np.float32)
    x = x[x > -1] if name.startswith("log1") else np.abs(x) if name == "log" else x[x < 88] if name.startswith("exp") else x

    def function(xp, a):
        return getattr(xp, name)(a)

    found = kernel_of(bodies.Case(function, "()->()", (("n",),)), np.float32).ufunc(x)
    expected = np.array([getattr(math, name)(float(a)) for a in x])
    unit = np.spacing(np.maximum(np.abs(expected.astype(np.float32)), np.finfo(np.float32).tiny)).astype(np.float64)
    assert np.max(np.abs(found - expected) / unit) <= ulps


def test_functions_at_the_ends_of_the_line():
    x = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-45, 3e38, -3e38], np.float32)
    with np.errstate(all="ignore"):
        for name in ("exp", "expm1", "log", "log1p", "tanh"):
            kernel = kernel_of(bodies.Case(lambda xp, a, name=name: getattr(xp, name)(a), "()->()", (("n",),)), np.float32)
            found, expected = kernel.ufunc(x), getattr(np, name)(x)
            np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=name)
            np.testing.assert_array_equal(np.signbit(found[~np.isnan(found)]), np.signbit(expected[~np.isnan(expected)]), err_msg=name)


def test_other_dtypes_are_refused_by_the_kernel_and_cast_by_nobody():
    kernel = kernel_of(bodies.CASES["softmax"], np.float32)
    with pytest.raises(TypeError, match=r"expected dtypes \(float32\), got \(float16\)"):
        kernel(np.zeros((2, 3), np.float16))


@pytest.mark.parametrize(
    ("body", "signature", "reason"),
    [
        (lambda xp, x: xp.cumsum(x, axis=-1), "(n)->(n)", "no function 'cumsum'"),
        (lambda xp, x: xp.sum(x), "(n)->()", "reduce the last axis alone"),
        (lambda xp, x: xp.sum(x, axis=0), "(n)->()", "axis=0"),
        (lambda xp, x: x / xp.sum(x, axis=-1), "(n)->(n)", "keepdims=True"),
        (lambda xp, x: x if x > 0 else -x, "()->()", "no branches"),
        (lambda xp, x: x * len(x.shape), "()->()", "no fixed length"),
        (lambda xp, x: x.reshape(-1), "(n)->(n)", "no attribute 'reshape'"),
        (lambda xp, x: x[..., 1:], "(n)->(n)", "indexing"),
        (lambda xp, x: x @ x, "(n)->()", "no concrete numbers"),
        (lambda xp, x: x * "a", "()->()", "a constant of type str"),
        (lambda xp, x: x * np.float16(2), "()->()", "dtype float16"),
        (lambda xp, x: xp.sum(x, axis=-1), "()->()", "a reduction under the signature"),
        (lambda xp, x: x, "(k)->(k)", "core dimensions k"),
        (lambda xp, x: (x, x), "(n)->(n)", "returns 2 arrays"),
        (lambda xp, x: x, "(n)->()", "a result of form core"),
        (lambda xp, x: xp.astype(x, "complex64"), "(n)->(n)", "dtype complex64"),
        (lambda xp, x: xp.sum(x, axis=-2) * 2.0, "(m,n)->(n)", "used again"),
    ],
)
def test_what_loops_cannot_hold_is_named_and_left_to_numpy(body, signature, reason):
    with pytest.raises(NotLowerable, match=reason):
        lower_all(body, signature)
    assert fuse(body, signature) is None


def test_a_malformed_signature_is_an_error():
    for signature in ("n->n", "(n)", "(n)->", "(n);(n)->(n)"):
        with pytest.raises(ValueError, match="expected a gufunc signature"):
            lower_all(bodies.softmax, signature)


def test_dtypes_follow_numpy():
    def body(xp, x, k):
        return x * 2 + 1, x / 3, k / 2, x > 0, x + k, k * 2, xp.where(x > 0, 1.0, 0.0), xp.where(x > 0, x, 0)

    dtypes = [("f4", "i8"), ("f8", "i4"), ("f4", "?")]
    for row in dtypes:
        x, k = np.ones(3, row[0]), np.ones(3, row[1])
        if row[1] == "?":
            with pytest.raises(NotLowerable, match="not lower|multiply|divide|bool"):
                lower_all(lambda xp, x, k: k * k, "(),()->()", [row])
            continue
        (program,) = lower_all(body, "(),()->(),(),(),(),(),(),(),()", [row])
        assert [o.dtype for o in program.outputs] == [y.dtype for y in body(np, x, k)]


def test_a_program_prints_itself_and_the_kernel_explains_itself():
    (program,) = lower_all(bodies.softmax, "(n)->(n)", ["f4"])
    text = str(program)
    assert text.startswith("softmax: (n)->(n)  float32 -> float32")
    assert text.count("loop") == 3
    assert "keep 0" in text and "read 0" in text  # the exponential is not computed twice
    (program,) = lower_all(bodies.layer_norm, "(n),(n),(n)->(n),(1),(1)", ["f4"])
    assert "keep" not in str(program)  # a subtraction is
    kernel = kernel_of(bodies.CASES["softmax"], np.float32)
    explained = kernel.explain()
    assert "combine max" in explained and "fl_expf" in explained and "run_rows" in explained
    assert "INLINE" not in explained
    assert ctypes.sizeof(ctypes.c_ssize_t) == np.dtype(np.intp).itemsize


def test_the_interpreter_refuses_arrays_that_do_not_fit():
    (program,) = lower_all(bodies.softmax, "(n)->(n)", ["f4"])
    with pytest.raises(ValueError, match="expected float32 with core dimension"):
        interpret(program, np.zeros(3))
    with pytest.raises(ValueError, match="expected 1 arrays"):
        interpret(program)
    (program,) = lower_all(bodies.layer_norm_backward, "(m,n),(m,n),(m,1),(m,1),(n)->(m,n),(n),(n)", ["f4"])
    arrays = bodies.inputs(bodies.CASES["layer_norm_backward"], np.float32, 2, 3)
    with pytest.raises(ValueError, match=r"expected an array \(m,1\)"):
        interpret(program, *arrays[:2], arrays[0], *arrays[3:])
