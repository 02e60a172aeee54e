"""What may be declared, and what fits it."""

from __future__ import annotations

import pytest

from flambeau_serve import ServeError, Signature, TensorSpec


@pytest.mark.parametrize("text", ["x:FP32:-1,8", "x.y/z-1:INT64:-1", "x:BF16:-1,-1,3"])
def test_parse_and_metadata(text: str) -> None:
    spec = TensorSpec.parse(text)
    shape = ",".join(map(str, spec.metadata()["shape"]))
    assert f"{spec.metadata()['name']}:{spec.metadata()['datatype']}:{shape}" == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", "expected name:datatype:shape, such as"),
        ("x:FP32", "expected name:datatype:shape"),
        ("x:FP32:", "expected name:datatype:shape"),
        ("x:FP32:-1,a", "expected name:datatype:shape"),
        ("x:FP32:-1,9999999999", "expected name:datatype:shape"),
        ("x:FLOAT:-1", "expected a datatype of BOOL, .* got 'FLOAT'"),
        ("x:BYTES:-1", "BYTES tensors hold text"),
        ("x:FP32:8", "begins with -1, the batch, then sizes or -1, got .8."),
        ("x:FP32:-1,-2", "begins with -1, the batch, then sizes or -1, got"),
        ("x y:FP32:-1", "expected a name of letters"),
        (":FP32:-1", "expected a name of letters"),
    ],
)
def test_declarations_that_mean_nothing(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TensorSpec.parse(text)


def test_check() -> None:
    spec = TensorSpec("x", "FP32", (-1, 3, -1))
    spec.check("FP32", [5, 3, 7])
    for datatype, shape, message in [
        ("FP64", [5, 3, 7], "input 'x': expected datatype FP32, got 'FP64'"),
        (None, [5, 3, 7], "expected datatype FP32, got None"),
        ("BYTES", [5, 3, 7], "expected datatype FP32, got BYTES. BYTES tensors hold text"),
        ("FP32", [5, 4, 7], r"expected shape \[-1, 3, -1\] .*, got \[5, 4, 7\]"),
        ("FP32", [5, 3], r"got \[5, 3\]"),
    ]:
        with pytest.raises(ServeError, match=message) as caught:
            spec.check(datatype, shape)
        assert caught.value.status == 400


def test_signature_needs_inputs_and_names() -> None:
    x = TensorSpec("x", "FP32", (-1,))
    with pytest.raises(ValueError, match="at least one input: declare it with --input"):
        Signature(())
    with pytest.raises(ValueError, match="expected each input to have a name of its own, got x, x"):
        Signature((x, x))
    with pytest.raises(ValueError, match="expected each output to have a name of its own"):
        Signature((x,), (x, x))
    assert Signature([x]).inputs == (x,)
