"""Tensors print as PyTorch prints them: the expected text was printed by PyTorch 2.13."""
from __future__ import annotations

import doctest
from pathlib import Path

import pytest

import flambeau

TABLE = [
    (lambda: flambeau.tensor(3),
     'tensor(3)'),
    (lambda: flambeau.tensor(2.5),
     'tensor(2.5000)'),
    (lambda: flambeau.tensor(True),
     'tensor(True)'),
    (lambda: flambeau.tensor([]),
     'tensor([])'),
    (lambda: flambeau.zeros(2, 0),
     'tensor([], size=(2, 0))'),
    (lambda: flambeau.zeros(0, dtype=flambeau.int64),
     'tensor([], dtype=flambeau.int64)'),
    (lambda: flambeau.tensor([1, 2, 300]),
     'tensor([  1,   2, 300])'),
    (lambda: flambeau.tensor([1.0, 2.0]),
     'tensor([1., 2.])'),
    (lambda: flambeau.tensor([1.5, -22.25]),
     'tensor([  1.5000, -22.2500])'),
    (lambda: flambeau.tensor([1e-5, 1.0]),
     'tensor([1.0000e-05, 1.0000e+00])'),
    (lambda: flambeau.tensor([1e10, 1.0]),
     'tensor([1.0000e+10, 1.0000e+00])'),
    (lambda: flambeau.tensor([0.001, 0.5]),
     'tensor([0.0010, 0.5000])'),
    (lambda: flambeau.tensor([float('nan'), 1.0, float('inf')]),
     'tensor([nan, 1., inf])'),
    (lambda: flambeau.tensor([float('inf'), -float('inf')]),
     'tensor([inf, -inf])'),
    (lambda: flambeau.tensor([[1, -2], [30, 4]]),
     'tensor([[ 1, -2],\n'
     '        [30,  4]])'),
    (lambda: flambeau.ones(2, 3),
     'tensor([[1., 1., 1.],\n'
     '        [1., 1., 1.]])'),
    (lambda: flambeau.arange(24.0).reshape(2, 3, 4),
     'tensor([[[ 0.,  1.,  2.,  3.],\n'
     '         [ 4.,  5.,  6.,  7.],\n'
     '         [ 8.,  9., 10., 11.]],\n'
     '\n'
     '        [[12., 13., 14., 15.],\n'
     '         [16., 17., 18., 19.],\n'
     '         [20., 21., 22., 23.]]])'),
    (lambda: flambeau.arange(2000),
     'tensor([   0,    1,    2,  ..., 1997, 1998, 1999])'),
    (lambda: flambeau.arange(10000.0).reshape(100, 100),
     'tensor([[0.0000e+00, 1.0000e+00, 2.0000e+00,  ..., 9.7000e+01, 9.8000e+01,\n'
     '         9.9000e+01],\n'
     '        [1.0000e+02, 1.0100e+02, 1.0200e+02,  ..., 1.9700e+02, 1.9800e+02,\n'
     '         1.9900e+02],\n'
     '        [2.0000e+02, 2.0100e+02, 2.0200e+02,  ..., 2.9700e+02, 2.9800e+02,\n'
     '         2.9900e+02],\n'
     '        ...,\n'
     '        [9.7000e+03, 9.7010e+03, 9.7020e+03,  ..., 9.7970e+03, 9.7980e+03,\n'
     '         9.7990e+03],\n'
     '        [9.8000e+03, 9.8010e+03, 9.8020e+03,  ..., 9.8970e+03, 9.8980e+03,\n'
     '         9.8990e+03],\n'
     '        [9.9000e+03, 9.9010e+03, 9.9020e+03,  ..., 9.9970e+03, 9.9980e+03,\n'
     '         9.9990e+03]])'),
    (lambda: flambeau.arange(60),
     'tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,\n'
     '        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,\n'
     '        36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53,\n'
     '        54, 55, 56, 57, 58, 59])'),
    (lambda: flambeau.arange(30.0) / 7,
     'tensor([0.0000, 0.1429, 0.2857, 0.4286, 0.5714, 0.7143, 0.8571, 1.0000, 1.1429,\n'
     '        1.2857, 1.4286, 1.5714, 1.7143, 1.8571, 2.0000, 2.1429, 2.2857, 2.4286,\n'
     '        2.5714, 2.7143, 2.8571, 3.0000, 3.1429, 3.2857, 3.4286, 3.5714, 3.7143,\n'
     '        3.8571, 4.0000, 4.1429])'),
    (lambda: flambeau.tensor([True, False]),
     'tensor([ True, False])'),
    (lambda: flambeau.tensor([1, 2], dtype=flambeau.int32),
     'tensor([1, 2], dtype=flambeau.int32)'),
    (lambda: flambeau.tensor([1, 2], dtype=flambeau.uint8),
     'tensor([1, 2], dtype=flambeau.uint8)'),
    (lambda: flambeau.tensor([1.0, 2.5], dtype=flambeau.float64),
     'tensor([1.0000, 2.5000], dtype=flambeau.float64)'),
    (lambda: flambeau.tensor([1.0, 2.5], dtype=flambeau.float16),
     'tensor([1.0000, 2.5000], dtype=flambeau.float16)'),
    (lambda: flambeau.tensor([1.0, 2.5], dtype=flambeau.bfloat16),
     'tensor([1.0000, 2.5000], dtype=flambeau.bfloat16)'),
    (lambda: flambeau.tensor([1.0, 2.5], requires_grad=True),
     'tensor([1.0000, 2.5000], requires_grad=True)'),
    (lambda: flambeau.tensor([1.0, 2.5], requires_grad=True) * 2,
     'tensor([2., 5.], grad_fn=<MulBackward0>)'),
    (lambda: flambeau.ones(3, 40),
     'tensor([[1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n'
     '         1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n'
     '         1., 1., 1., 1.],\n'
     '        [1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n'
     '         1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n'
     '         1., 1., 1., 1.],\n'
     '        [1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n'
     '         1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.,\n'
     '         1., 1., 1., 1.]])'),
    (lambda: flambeau.zeros(1, 1, 1),
     'tensor([[[0.]]])'),
    (lambda: flambeau.tensor(1.0, dtype=flambeau.float64),
     'tensor(1., dtype=flambeau.float64)'),
    (lambda: flambeau.arange(1100).reshape(11, 100),
     'tensor([[   0,    1,    2,  ...,   97,   98,   99],\n'
     '        [ 100,  101,  102,  ...,  197,  198,  199],\n'
     '        [ 200,  201,  202,  ...,  297,  298,  299],\n'
     '        ...,\n'
     '        [ 800,  801,  802,  ...,  897,  898,  899],\n'
     '        [ 900,  901,  902,  ...,  997,  998,  999],\n'
     '        [1000, 1001, 1002,  ..., 1097, 1098, 1099]])'),
    (lambda: flambeau.tensor([[0.1, 100000.0]]),
     'tensor([[1.0000e-01, 1.0000e+05]])'),
    (lambda: flambeau.tensor([123456.789]),
     'tensor([123456.7891])'),
    (lambda: flambeau.tensor([-0.0, 0.0]),
     'tensor([-0., 0.])'),
    (lambda: flambeau.tensor([1e-8]),
     'tensor([1.0000e-08])'),
    (lambda: flambeau.full((2, 2), 1e5),
     'tensor([[100000., 100000.],\n'
     '        [100000., 100000.]])'),
    (lambda: flambeau.eye(3),
     'tensor([[1., 0., 0.],\n'
     '        [0., 1., 0.],\n'
     '        [0., 0., 1.]])'),
    (lambda: flambeau.linspace(0, 1, 5),
     'tensor([0.0000, 0.2500, 0.5000, 0.7500, 1.0000])'),
    (lambda: flambeau.arange(24).reshape(2, 2, 3, 2),
     'tensor([[[[ 0,  1],\n'
     '          [ 2,  3],\n'
     '          [ 4,  5]],\n'
     '\n'
     '         [[ 6,  7],\n'
     '          [ 8,  9],\n'
     '          [10, 11]]],\n'
     '\n'
     '\n'
     '        [[[12, 13],\n'
     '          [14, 15],\n'
     '          [16, 17]],\n'
     '\n'
     '         [[18, 19],\n'
     '          [20, 21],\n'
     '          [22, 23]]]])'),
    (lambda: flambeau.tensor([1+2j, -3.5-0.25j]),
     'tensor([ 1.0000+2.0000j, -3.5000-0.2500j])'),
    (lambda: flambeau.ones(2, requires_grad=True).sum(),
     'tensor(2., grad_fn=<SumBackward0>)'),
    (lambda: flambeau.zeros(3, 0, 2),
     'tensor([], size=(3, 0, 2))'),
    (lambda: flambeau.tensor([100, 2**40]),
     'tensor([          100, 1099511627776])'),
    (lambda: flambeau.tensor([-1.5, 1000.0, 0.001]),
     'tensor([-1.5000e+00,  1.0000e+03,  1.0000e-03])'),
]


@pytest.mark.parametrize(("make", "text"), TABLE, ids=range(len(TABLE)))
def test_repr(make, text):
    assert repr(make()) == text


def test_table_that_pytorch_printed():
    """printed.txt: 285 expressions in PyTorch's spelling, each followed by what PyTorch printed; ours may differ in the name alone."""
    text = Path(__file__).with_name("printed.txt").read_text().replace("torch.", "flambeau.")
    table = doctest.DocTestParser().get_doctest(text, {"flambeau": flambeau}, "printed.txt", "printed.txt", 0)
    assert len(table.examples) >= 200
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(table, out=report.append)
    assert not report, "".join(report)


def test_options():
    try:
        flambeau.set_printoptions(precision=2, sci_mode=True)
        assert repr(flambeau.tensor([0.5])) == "tensor([5.00e-01])"
        flambeau.set_printoptions(profile="full")
        assert "..." not in repr(flambeau.arange(2000))
    finally:
        flambeau.set_printoptions(profile="default")


def test_format_and_str():
    assert f"{flambeau.tensor(2.5):.2f}" == "2.50"
    assert str(flambeau.tensor([1])) == "tensor([1])"


def test_format_is_that_of_the_number():
    assert f"{flambeau.tensor(0.5)} {flambeau.tensor(0.5):.2f} {flambeau.tensor(3):>4} {flambeau.tensor(True)}" == "0.5 0.50    3 True"
    assert f"{flambeau.ones(2)}" == "tensor([1., 1.])" and f"{flambeau.empty((), device='meta')}".startswith("tensor(...")
    with pytest.raises(TypeError):
        f"{flambeau.ones(2):.2f}"
