"""make_tensor draws PyTorch's numbers from the same seed (the table was printed by PyTorch 2.13)."""
from __future__ import annotations

import pytest

import flambeau
from flambeau.testing import make_tensor

NUMBERS = [
    ("float32", {}, [[-0.06738138198852539, 4.8279924392700195], [-7.407406330108643, -6.623451232910156]]),
    ("float64", {}, [[8.460954032517956, 3.740757559196183], [-0.7311070237058843, 7.573458314195285]]),
    ("float16", {}, [[-0.0673828125, 4.828125], [-7.40625, -6.625]]),
    ("bfloat16", {}, [[-0.0673828125, 4.8125], [-7.40625, -6.625]]),
    ("complex64", {}, [[(-0.06738138198852539+4.8279924392700195j), (-7.407406330108643-6.623451232910156j)],
                       [(-3.4663891792297363+2.4134163856506348j), (-0.17831861972808838+7.136005401611328j)]]),
    ("int64", {}, [[6, -5], [-9, -9]]),
    ("int8", {}, [[6, -5], [-9, -9]]),
    ("uint8", {}, [[4, 9], [3, 0]]),
    ("bool", {}, [[False, True], [True, False]]),
    ("float32", {"low": 2}, [[5.4737958908081055, 7.377552509307861], [2.619342088699341, 2.924213409423828]]),
    ("uint8", {"low": 2}, [[6, 9], [7, 2]]),
    ("float32", {"high": 1}, [[-4.037434101104736, -1.3177820444107056], [-8.115225791931152, -7.679695129394531]]),
    ("uint8", {"high": 1}, [[0, 0], [0, 0]]),
    ("float32", {"low": -50, "high": 50}, [[-0.3743410110473633, 26.822179794311523], [-41.15225601196289, -36.79695129394531]]),
    ("uint8", {"low": -50, "high": 50}, [[44, 39], [33, 10]]),
    ("float32", {"exclude_zero": True}, [[-0.06738138198852539, 4.8279924392700195], [-7.407406330108643, -6.623451232910156]]),
    ("uint8", {"exclude_zero": True}, [[4, 9], [3, 1]]),
    ("float32", {"noncontiguous": True}, [[4.8279924392700195, -6.623451232910156], [2.4134163856506348, 7.136005401611328]]),
    ("uint8", {"noncontiguous": True}, [[9, 0], [9, 3]]),
]


@pytest.mark.parametrize("case", range(len(NUMBERS)))
def test_numbers(case):
    dtype, options, expected = NUMBERS[case]
    flambeau.manual_seed(0)
    x = make_tensor((2, 2), dtype=getattr(flambeau, dtype), device="cpu", **options)
    assert x.tolist() == expected and x.dtype is getattr(flambeau, dtype) and not x.requires_grad
    assert x.is_contiguous() is not options.get("noncontiguous", False)


def test_what_is_made():
    assert make_tensor(2, 3, dtype=flambeau.float32, requires_grad=True).requires_grad
    assert make_tensor(dtype=flambeau.int32).shape == ()
    assert make_tensor(1, dtype=flambeau.float32, noncontiguous=True).is_contiguous()  # one element has no gaps
    flambeau.manual_seed(0)
    x = make_tensor(500, dtype=flambeau.uint8, low=0, high=2, exclude_zero=True)
    assert x.min().item() == x.max().item() == 1
    wide = make_tensor(500, dtype=flambeau.float32, low=float("-inf"), high=float("inf"))
    assert bool(flambeau.isfinite(wide).all()) and wide.abs().max().item() > 1e38


@pytest.mark.parametrize(("options", "words"), [
    ({"low": 3, "high": 3, "dtype": flambeau.int64}, "must be less than"),
    ({"low": 5, "high": 2}, "must be less than"),
    ({"low": float("nan")}, "cannot be NaN"),
    ({"low": 300, "high": 400, "dtype": flambeau.uint8}, "only supports"),
    ({"requires_grad": True, "dtype": flambeau.int64}, "requires_grad"),
    ({"noncontiguous": True, "memory_format": "channels_last"}, "mutually exclusive"),
])
def test_errors(options, words):
    with pytest.raises(ValueError, match=words):
        make_tensor(3, **{"dtype": flambeau.float32} | options)


def test_one_value_everywhere_warns():
    with pytest.warns(FutureWarning, match="full"):
        assert make_tensor(2, dtype=flambeau.float32, low=3, high=3).tolist() == [3, 3]


def test_uniform_does_not_reach_its_end():
    """What a half rounds up to the open end becomes the other end, as in PyTorch."""
    flambeau.manual_seed(3)
    x = flambeau.empty(5000, dtype=flambeau.bfloat16).uniform_(-9, 9)
    assert x.max().item() < 9 and [x[i].item() for i in (378, 688, 1059)] == [-9, -9, -9]


@pytest.mark.parametrize("bounds", [(-1e300, 0), (0, 1e39), (float("nan"), 1), (-3e38, 3e38)])
def test_uniform_refuses_bounds_out_of_range(bounds):
    with pytest.raises(RuntimeError, match="out of bounds|to-from"):
        flambeau.empty(3).uniform_(*bounds)
