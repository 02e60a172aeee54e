"""Random transforms: same seed, same draws as torchvision 0.28 (whose results stand here), and the chain."""

import pickle

import numpy as np
import pytest
from PIL import Image

import flambeau
import flambeau_vision.transforms as T
from flambeau import nn


def square():
    return flambeau.arange(100.0).reshape(1, 10, 10)


def test_crop_draws_as_torchvision():
    flambeau.manual_seed(0)
    boxes = [T.RandomCrop.get_params(square(), (4, 5)) for _ in range(6)]
    assert boxes == [(4, 3, 4, 5), (0, 0, 4, 5), (1, 3, 4, 5), (6, 1, 4, 5), (4, 3, 4, 5), (2, 2, 4, 5)]


def test_flips_draw_as_torchvision():
    flambeau.manual_seed(0)
    assert [int(T.RandomHorizontalFlip()(square())[0, 0, 0]) for _ in range(12)] == [9, 0, 9, 9, 9, 0, 9, 0, 9, 0, 9, 9]
    assert [int(T.RandomVerticalFlip(0.3)(square())[0, 0, 0]) for _ in range(12)] == [90, 90, 90, 0, 0, 0, 90, 90, 0, 0, 0, 0]


def test_a_chain_draws_as_torchvision():
    chain = T.Compose([T.RandomCrop(8, padding=2, padding_mode="reflect"), T.RandomHorizontalFlip(), T.RandomVerticalFlip()])
    flambeau.manual_seed(3)
    assert [chain(square())[0, 3, 4].item() for _ in range(8)] == [74, 18, 61, 27, 77, 88, 33, 63]


def test_pictures_and_tensors_go_alike():
    pixels = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    chain = T.Compose([T.RandomCrop((6, 14), padding=1, pad_if_needed=True, fill=3), T.RandomHorizontalFlip()])
    flambeau.manual_seed(5)
    of_picture = T.PILToTensor()(chain(Image.fromarray(pixels)))
    flambeau.manual_seed(5)
    assert flambeau.equal(chain(T.PILToTensor()(Image.fromarray(pixels))), of_picture)


def test_a_crop_of_the_whole_draws_nothing():
    flambeau.manual_seed(0)
    expected = flambeau.rand(1)
    flambeau.manual_seed(0)
    assert T.RandomCrop(10)(square()).shape == (1, 10, 10)
    assert flambeau.equal(flambeau.rand(1), expected)


def test_a_crop_larger_than_the_picture():
    with pytest.raises(ValueError, match=r"crop size \(11, 11\) is larger than input image size \(10, 10\)"):
        T.RandomCrop(11)(square())
    assert T.RandomCrop(11, pad_if_needed=True)(square()).shape == (1, 11, 11)


def test_never_and_always():
    assert flambeau.equal(T.RandomHorizontalFlip(0)(square()), square())
    assert flambeau.equal(T.RandomVerticalFlip(1)(square()), square().flip(1))


def test_transforms_of_tensors_are_modules():
    chain = nn.Sequential(T.Resize(8), T.CenterCrop(4), T.Normalize([0.5], [0.5]))
    assert chain(square()).shape == (1, 4, 4) and not list(chain.parameters())


def test_transforms_travel_to_workers():
    there = pickle.dumps(T.Compose([T.Resize(8), T.RandomCrop(4), T.ToTensor(), T.Normalize([0.5], [0.5])]))
    chain = pickle.loads(there)  # noqa: S301 (our own bytes)
    assert chain(Image.new("L", (16, 16))).shape == (1, 4, 4)


def test_lambda():
    assert T.Lambda(lambda x: x + 1)(3) == 4
    with pytest.raises(TypeError, match="should be callable, got 'int'"):
        T.Lambda(3)


def test_repr():
    assert repr(T.Compose([T.ToTensor(), T.CenterCrop((3, 4))])) == "Compose(\n    ToTensor()\n    CenterCrop(size=(3, 4))\n)"
    assert repr(T.Resize(8)) == "Resize(size=8, interpolation=bilinear, max_size=None, antialias=True)"
    assert repr(T.Normalize([0.5], [0.5])) == "Normalize(mean=[0.5], std=[0.5])"
    assert repr(T.RandomCrop(4, padding=1)) == "RandomCrop(size=(4, 4), padding=1)"
    assert repr(T.RandomHorizontalFlip()) == "RandomHorizontalFlip(p=0.5)"
    assert repr(T.Pad(2)) == "Pad(padding=2, fill=0, padding_mode=constant)"
    assert repr(T.Grayscale()) == "Grayscale(num_output_channels=1)"
