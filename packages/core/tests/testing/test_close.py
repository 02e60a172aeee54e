"""assert_close says what PyTorch's says (texts and numbers printed by PyTorch 2.13), and takes what PyTorch's takes."""
from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.testing import assert_allclose, assert_close

t, nan, inf = flambeau.tensor, float("nan"), float("inf")

EQUAL = {
    "within the tolerance of float32": lambda: assert_close(t([1.0, 2.0]), t([1.0, 2.0 + 1e-6])),
    "bfloat16 is loose": lambda: assert_close(t([1.0], dtype=flambeau.bfloat16), t([1.01], dtype=flambeau.bfloat16)),
    "the looser of two dtypes": lambda: assert_close(t([1.0], dtype=flambeau.bfloat16), t([1.01]), check_dtype=False),
    "not a number, where asked": lambda: assert_close(t([nan, 1]), t([nan, 1]), equal_nan=True),
    "dtypes, where not asked": lambda: assert_close(t([1.0]), t([1.0], dtype=flambeau.float64), check_dtype=False),
    "strides, where not asked": lambda: assert_close(flambeau.ones(2, 3).t(), flambeau.ones(3, 2)),
    "numbers": lambda: assert_close(1.0, 1.0 + 1e-8),
    "numbers of two types": lambda: assert_close(1, 1.0, check_dtype=False),
    "None": lambda: assert_close(None, None),
    "empty": lambda: assert_close(flambeau.ones(0), flambeau.ones(0)),
    "a list and a tuple": lambda: assert_close([1], (1,)),
    "a subclass": lambda: assert_close(flambeau.nn.Parameter(flambeau.ones(1)), flambeau.ones(1)),
    "arrays": lambda: assert_close({"a": np.ones(2)}, {"a": np.ones(2)}),
    "infinities": lambda: assert_close(t([inf, -inf]), t([inf, -inf])),
}


@pytest.mark.parametrize("case", EQUAL)
def test_takes(case):
    EQUAL[case]()


def off(kind, wrong, total, absolute, relative, index, rtol="1.3e-06", atol="1e-05"):
    """PyTorch's words for tensors that differ."""
    allowed = ("", "") if kind == "equal" else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
    where, where_relative = index if isinstance(index, list) else (index, index)
    return (
        f"Tensor-likes are not {kind}!\n\nMismatched elements: {wrong} / {total} ({wrong / total:.1%})\n"
        f"Greatest absolute difference: {absolute} at index {where}{allowed[0]}\n"
        f"Greatest relative difference: {relative} at index {where_relative}{allowed[1]}"
    )


def scalar(kind, expected, actual, absolute, relative, rtol="1e-07", atol="1e-07"):
    allowed = ("", "") if kind == "equal" else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
    return (f"Scalars are not {kind}!\n\nExpected {expected} but got {actual}.\nAbsolute difference: {absolute}{allowed[0]}\n"
            f"Relative difference: {relative}{allowed[1]}")


MESSAGES = [
    (lambda: assert_close(t([1.0, 2.0, 3.0]), t([1.0, 2.5, 4.0])), off("close", 2, 3, 1.0, 0.25, (2,))),
    (lambda: assert_close(t([[1.0, 2.0], [3.0, 4.0]]), t([[1.0, 2.0], [3.0, 5.0]]), rtol=1e-3, atol=1e-2),
     off("close", 1, 4, 1.0, 0.20000000298023224, (1, 1), "0.001", "0.01")),
    (lambda: assert_close(t([[1.0, 4.0]]), t([[1.0, 5.0]]), rtol=0, atol=0), off("equal", 1, 2, 1.0, 0.20000000298023224, (0, 1))),
    (lambda: assert_close(t([1, 2]), t([1, 3])), off("equal", 1, 2, 1, 0.3333333432674408, (1,))),
    (lambda: assert_close(t([True, False]), t([True, True])), off("equal", 1, 2, 1, 1.0, (1,))),
    (lambda: assert_close(t([nan]), t([nan])), off("close", 1, 1, "nan", "nan", (0,))),
    (lambda: assert_close(t([inf, 1]), t([inf, 2])), off("close", 1, 2, 1.0, 0.5, (1,))),
    (lambda: assert_close(t([inf, 1]), t([-inf, 1])), off("close", 1, 2, "inf", "nan", (0,))),
    (lambda: assert_close(t([1e-3]), t([0.0])), off("close", 1, 1, 0.0010000000474974513, "inf", (0,))),
    (lambda: assert_close(t([1]), t([1.5]), check_dtype=False), off("close", 1, 1, 0.5, 0.3333333432674408, (0,))),
    (lambda: assert_close(t([1.0], dtype=flambeau.float16), t([1.01], dtype=flambeau.float16)),
     off("close", 1, 1, 0.009765625, 0.009674072265625, (0,), "0.001")),
    (lambda: assert_close(t([1.0], dtype=flambeau.bfloat16), t([1.1], dtype=flambeau.bfloat16)),
     off("close", 1, 1, 0.1015625, 0.09228515625, (0,), "0.016")),
    (lambda: assert_close(t([1 + 1j]), t([1 + 2j])), off("close", 1, 1, 1.0, 0.4472135901451111, (0,))),
    (lambda: assert_close(t([1], dtype=flambeau.uint8), t([255], dtype=flambeau.uint8)), off("equal", 1, 1, 254, 0.9960784316062927, (0,))),
    (lambda: assert_close(flambeau.arange(100.0).reshape(10, 10), flambeau.zeros(10, 10)),
     off("close", 99, 100, 99.0, "inf", [(9, 9), (0, 1)])),
    (lambda: assert_close(flambeau.ones(2, requires_grad=True), flambeau.ones(2) + 1), off("close", 2, 2, 1.0, 0.5, (0,))),
    (lambda: assert_close(np.array([1.0]), np.array([2.0])), off("close", 1, 1, 1.0, 0.5, (0,), "1e-07", "1e-07")),
    (lambda: assert_close(t(1.0), t(2.0)), scalar("close", 2.0, 1.0, 1.0, 0.5, "1.3e-06", "1e-05")),
    (lambda: assert_close(t(True), t(False)), scalar("equal", False, True, 1, "inf")),
    (lambda: assert_close(1.0, 1.5), scalar("close", 1.5, 1.0, 0.5, 0.3333333333333333)),
    (lambda: assert_close(np.float64(1.0), 1.5), scalar("close", 1.5, 1.0, 0.5, 0.3333333333333333)),
    (lambda: assert_close(1, 2), scalar("equal", 2, 1, 1, 0.5)),
    (lambda: assert_close(1 + 1j, 1 + 2j), scalar("close", "(1+2j)", "(1+1j)", 1.0, 0.4472135954999579)),
    (lambda: assert_close(nan, nan), scalar("close", nan, nan, nan, nan)),
    (lambda: assert_close([1.0, 2.0], [1.0, 3.0]),
     scalar("close", 3.0, 2.0, 1.0, 0.3333333333333333) + "\n\nThe failure occurred for item [1]"),
    (lambda: assert_close([1, {"a": (t([1.0]), t([2.0]))}], [1, {"a": (t([1.0]), t([5.0]))}]),
     off("close", 1, 1, 3.0, 0.6000000238418579, (0,)) + "\n\nThe failure occurred for item [1]['a'][1]"),
    (lambda: assert_close(True, False), "Booleans mismatch: True is not False"),
    (lambda: assert_close(None, 1), "None mismatch: None is not 1"),
    (lambda: assert_close(1, 1.0), "The (d)types do not match: <class 'int'> != <class 'float'>."),
    (lambda: assert_close(t([1.0]), t([1.0, 2.0])),
     "The values for attribute 'shape' do not match: flambeau.Size([1]) != flambeau.Size([2])."),
    (lambda: assert_close(t([1.0]), t([1.0], dtype=flambeau.float64)),
     "The values for attribute 'dtype' do not match: flambeau.float32 != flambeau.float64."),
    (lambda: assert_close(flambeau.ones(2, 3).t(), flambeau.ones(3, 2), check_stride=True),
     "The values for attribute 'stride()' do not match: (1, 3) != (2, 1)."),
    (lambda: assert_close([t([1.0])], [t([1.0]), t([3.0])]), "The length of the sequences mismatch: 1 != 2"),
    (lambda: assert_close({"a": 1}, {"b": 1}), "The keys of the mappings do not match:\nMissing keys in the actual mapping: ['b']\n"
                                               "Additional keys in the actual mapping: ['a']"),
    (lambda: assert_close(t([1.0]), t([2.0]), msg="my words"), "my words"),
    (lambda: assert_close(t([1.0]), t([2.0]), msg=lambda told: "head\n" + told), "head\n" + off("close", 1, 1, 1.0, 0.5, (0,))),
]


@pytest.mark.parametrize("case", range(len(MESSAGES)))
def test_messages(case):
    call, words = MESSAGES[case]
    with pytest.raises(AssertionError) as told:
        call()
    assert str(told.value) == words


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: assert_close(t([1.0]), t([2.0]), rtol=1), ValueError, "got no atol"),
    (lambda: assert_close(t([1.0]), t([2.0]), atol=1), ValueError, "got no rtol"),
    (lambda: assert_close("a", "a"), TypeError, "No comparison pair.*str"),
    (lambda: assert_close(t(1.0), 1.0), TypeError, "No comparison pair.*Tensor.*float"),
    (lambda: assert_close(object(), object()), TypeError, "No comparison pair.*object"),
    (lambda: assert_close([1], {"a": 1}), TypeError, "No comparison pair.*list.*dict"),
    (lambda: assert_close([1, "a"], [2, "a"]), TypeError, r"failure occurred for item \[1\]"),  # found before 1 and 2 are compared
    (lambda: assert_close(flambeau.nn.Parameter(flambeau.ones(1)), flambeau.ones(1), allow_subclasses=False), TypeError, "Parameter"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_older_form():
    with pytest.warns(FutureWarning, match="assert_close"):
        assert_allclose(t([1.0]), [1.00005])
    with pytest.warns(FutureWarning), pytest.raises(AssertionError, match="up to 0.0001 allowed"):
        assert_allclose(t([1.0]), t([2.0]))
