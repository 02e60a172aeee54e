from __future__ import annotations

import numpy as np
import pytest

import flambeau
import flambeau_audio.functional as F
import flambeau_audio.transforms as T


@pytest.mark.parametrize("kind, axis", [(T.FrequencyMasking, -2), (T.TimeMasking, -1)])
@pytest.mark.parametrize("iid", [False, True])
def test_a_mask_is_one_band_of_bounded_width(kind, axis, iid):
    flambeau.manual_seed(0)
    x = flambeau.ones(4, 2, 30, 40)
    widths = []
    for _ in range(50):
        masked = kind(10, iid_masks=iid)(x, mask_value=-1.0).numpy()
        bands = np.moveaxis(masked, axis, -1)
        assert (bands == bands[:, :, :1]).all()  # the whole other axis
        bands = bands[:, :, 0].reshape(8, -1) == -1.0  # (N·C, axis)
        assert (np.abs(np.diff(bands.astype(int), axis=1)).sum(1) <= 2).all()  # in one piece
        assert iid or (bands == bands[0]).all()
        widths.extend(bands.sum(1))
    assert max(widths) == 9 and min(widths) == 0  # rounded down
    assert (x.numpy() == 1).all()


def test_the_same_seed_gives_the_same_masks():
    flambeau.manual_seed(1)
    first = T.TimeMasking(20, iid_masks=True)(flambeau.ones(3, 1, 8, 50))
    flambeau.manual_seed(1)
    assert flambeau.equal(first, T.TimeMasking(20, iid_masks=True)(flambeau.ones(3, 1, 8, 50)))
    assert not flambeau.equal(first, T.TimeMasking(20, iid_masks=True)(flambeau.ones(3, 1, 8, 50)))


def test_a_share_bounds_the_mask():
    x = flambeau.ones(1, 8, 50)
    assert all(int((T.TimeMasking(40, p=0.1)(x)[0, 0] == 0).sum()) < 5 for _ in range(30))
    assert T.TimeMasking(40, p=0.01)(x) is x
    assert T.FrequencyMasking(0)(x) is x


def test_no_gradient_through_the_mask():
    x = flambeau.ones(1, 8, 50, requires_grad=True)
    masked = T.FrequencyMasking(8)(x)
    masked.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), masked.detach().numpy())


def test_errors():
    with pytest.raises(ValueError, match=r"frequency and time axes \(1, 2\) can be masked, got axis 0"):
        F.mask_along_axis(flambeau.ones(1, 2, 3), 2, 0.0, 0)
    with pytest.raises(ValueError, match=r"at least 3 axes \(N, F, T\), got shape \(2, 3\)"):
        F.mask_along_axis_iid(flambeau.ones(2, 3), 2, 0.0, 1)
    with pytest.raises(ValueError, match=r"\[0, 1\], got 1.5"):
        T.TimeMasking(3, p=1.5)
