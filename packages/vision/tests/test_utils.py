"""Grids of pictures, and pictures in files."""

import io

import numpy as np
import pytest
from PIL import Image

import flambeau
from flambeau_vision.utils import make_grid, save_image


def test_layout():
    pictures = flambeau.arange(1.0, 6).reshape(5, 1, 1, 1).expand(5, 3, 2, 3)
    grid = make_grid(pictures, nrow=3, padding=1, pad_value=9)
    assert grid.shape == (3, 7, 13)
    for i in range(5):
        top, left = i // 3 * 3 + 1, i % 3 * 4 + 1
        assert (grid[:, top : top + 2, left : left + 3] == i + 1).all()
    assert (grid[:, ::3] == 9).all() and (grid[:, :, ::4] == 9).all()
    assert (grid[:, 4:6, 9:12] == 9).all()  # no sixth picture


def test_one_picture_has_no_border():
    assert make_grid(flambeau.zeros(2, 3)).shape == (3, 2, 3)
    assert make_grid(flambeau.zeros(1, 2, 3)).shape == (3, 2, 3)
    assert make_grid([flambeau.zeros(3, 2, 3)]).shape == (3, 2, 3)
    assert make_grid([flambeau.zeros(1, 2, 3)] * 2, nrow=1, padding=0).shape == (3, 4, 3)


def test_normalize():
    pictures = flambeau.stack([flambeau.full((3, 1, 2), 2.0), flambeau.full((3, 1, 2), 4.0)])
    pictures[0, 0, 0, 0] = 0.0
    grid = make_grid(pictures, padding=0, normalize=True)
    assert grid[0, 0].tolist() == [0, 0.5, 1, 1]
    assert make_grid(pictures, padding=0, normalize=True, scale_each=True)[0, 0].tolist() == [0, 1, 0, 0]
    assert make_grid(pictures, padding=0, normalize=True, value_range=(2.0, 3.0))[0, 0].tolist() == [0, 0, 1, 1]
    assert pictures[1].max() == 4  # untouched


def test_wrong_input():
    with pytest.raises(TypeError, match="tensor or list of tensors expected, got <class 'str'>"):
        make_grid("a.png")
    with pytest.raises(TypeError, match="got a list containing <class 'int'>"):
        make_grid([1])
    with pytest.raises(TypeError, match="value_range has to be a tuple"):
        make_grid(flambeau.zeros(2, 3, 4, 4), normalize=True, value_range=0.5)
    with pytest.raises(ValueError, match="expected pictures of shape"):
        make_grid(flambeau.zeros(4))


def test_save_image(tmp_path):
    pictures = flambeau.tensor([-1.0, 0, 0.5, 1, 7]).reshape(5, 1, 1, 1)
    save_image(pictures, tmp_path / "grid.png", nrow=5, padding=0)
    with Image.open(tmp_path / "grid.png") as image:
        assert image.mode == "RGB" and np.asarray(image)[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    file = io.BytesIO()
    save_image([flambeau.rand(3, 4, 4)] * 3, file, format="jpeg")
    assert Image.open(file).size == (20, 8)
