"""Overlapping frames: `unfold` and the sum that is its adjoint."""

from __future__ import annotations

import numpy as np
import pytest

import flambeau
from flambeau.ops.frames import overlap_add


@pytest.mark.parametrize("size, step", [(1, 1), (3, 1), (3, 2), (2, 3), (7, 1)])
def test_unfold_is_a_view_of_frames(size, step):
    x = flambeau.arange(21).reshape(3, 7)
    frames = x.unfold(1, size, step)
    expected = np.stack([x.numpy()[:, at : at + size] for at in range(0, 7 - size + 1, step)], 1)
    np.testing.assert_array_equal(frames.numpy(), expected)
    assert frames.data_ptr() == x.data_ptr()
    x[0, 0] = 100
    assert int(frames[0, 0, 0]) == 100
    np.testing.assert_array_equal(x.T.unfold(0, size, step).numpy(), x.unfold(1, size, step).numpy().swapaxes(0, 1))


def test_unfold_along_the_first_axis():
    x = flambeau.arange(10).reshape(5, 2)
    np.testing.assert_array_equal(x.unfold(0, 3, 2).numpy(), [[[0, 2, 4], [1, 3, 5]], [[4, 6, 8], [5, 7, 9]]])
    assert flambeau.tensor(3.0).unfold(0, 1, 1).shape == (1,)


@pytest.mark.parametrize("size, step", [(4, 1), (4, 2), (4, 3), (4, 4), (2, 5)])
def test_overlap_add_is_a_sum_over_frames(size, step):
    frames = flambeau.from_numpy(np.random.default_rng(0).standard_normal((2, 3, size)))
    for length in (0, 5, step * 2 + size, step * 2 + size + 4):
        expected = np.zeros((2, max(length, step * 2 + size)))
        for i in range(3):
            expected[:, i * step : i * step + size] += frames.numpy()[:, i]
        np.testing.assert_allclose(overlap_add(frames, step=step, length=length).numpy(), expected[:, :length], atol=1e-12)


def test_errors():
    x = flambeau.ones(3, 4)
    with pytest.raises(RuntimeError, match="maximum size for tensor at dimension 1 is 4 but size is 5"):
        x.unfold(1, 5, 1)
    with pytest.raises(RuntimeError, match="step is 0 but must be > 0"):
        x.unfold(1, 2, 0)
    with pytest.raises(RuntimeError, match="size is -1 but must be >= 0"):
        x.unfold(1, -1, 1)
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.unfold(2, 1, 1)
