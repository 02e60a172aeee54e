"""Resize, crop, pad, flip, grey: pictures and tensors alike."""

import numpy as np
import pytest
from PIL import Image

import flambeau
import flambeau_vision.transforms as T
from flambeau_vision.transforms import InterpolationMode
from flambeau_vision.transforms import functional as F


def picture(h: int, w: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8))


def count(*shape: int, dtype=flambeau.float32):
    return flambeau.arange(int(np.prod(shape))).reshape(shape).to(dtype)


@pytest.mark.parametrize(
    "size,max_size,expected",
    [(10, None, (10, 20)), ([10], None, (10, 20)), ((7, 9), None, (7, 9)), (10, 15, (7, 15)), (40, None, (40, 80)), (1, None, (1, 2))],
)
def test_sizes(size, max_size, expected):
    for img in (picture(20, 40), flambeau.zeros(3, 20, 40)):
        assert tuple(F.get_dimensions(F.resize(img, size, max_size=max_size))[1:]) == expected
    turned = F.resize(flambeau.zeros(3, 40, 20), size, max_size=max_size)
    assert tuple(turned.shape[1:]) == (expected[::-1] if len(np.atleast_1d(size)) == 1 else expected)


@pytest.mark.parametrize("name", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(5, 7), (40, 61), (13, 50), (1, 1)])
def test_a_tensor_is_resized_as_pillow_resizes_floats(name, size):
    pixels = np.random.default_rng(0).standard_normal((20, 31)).astype(np.float32)
    ours = F.resize(flambeau.from_numpy(pixels), size, InterpolationMode(name))
    theirs = Image.fromarray(pixels).resize(size[::-1], Image.Resampling[name.upper()])
    np.testing.assert_allclose(ours.numpy(), np.asarray(theirs), atol=2e-6)


def test_resize_without_antialias():
    line = flambeau.tensor([[0.0, 10, 20, 30, 40, 50, 60, 70]])
    assert F.resize(line, (1, 2), antialias=False).tolist() == [[15, 55]]  # between the two middle ones of each half
    assert F.resize(line, (1, 4), InterpolationMode.NEAREST).tolist() == [[0, 20, 40, 60]]
    assert F.resize(line, (1, 2), InterpolationMode.NEAREST_EXACT).tolist() == [[20, 60]]
    # torch.nn.functional.interpolate(mode="bicubic", align_corners=False)
    expected = [-1.0546875, 3.671875, 13.671875, 16.328125, 26.328125, 31.0546875]
    got = F.resize(flambeau.tensor([[0.0, 10, 20, 30]]), (1, 6), InterpolationMode.BICUBIC, antialias=False)
    assert got.shape == (1, 6)
    assert float(got.sum()) == pytest.approx(90, abs=1e-4)  # symmetric around 15
    assert got.tolist()[0] == pytest.approx(expected, abs=2.0)


def test_resize_keeps_dtype_and_rounds():
    numbers = count(3, 8, 8, dtype=flambeau.uint8)
    for mode in ("nearest", "bilinear", "bicubic"):
        assert F.resize(numbers, (5, 5), InterpolationMode(mode)).dtype == flambeau.uint8
    edge = flambeau.tensor([[0, 0, 255, 255]], dtype=flambeau.uint8)
    over = F.resize(edge, (1, 16), InterpolationMode.BICUBIC)
    assert int(over.max()) == 255 and int(over.min()) == 0  # no wrap around
    assert F.resize(numbers.double(), (5, 5)).dtype == flambeau.float64


def test_resize_is_differentiable():
    x = flambeau.rand(1, 6, 6, dtype=flambeau.float64, requires_grad=True)
    F.resize(x, (3, 3)).sum().backward()
    assert x.grad.sum().item() == pytest.approx(9)  # the weights of each new pixel sum to one


def test_resize_says_what_is_wrong():
    with pytest.raises(TypeError, match="Size should be int or sequence"):
        T.Resize(1.5)
    with pytest.raises(ValueError, match="1 or 2 values, got 3"):
        T.Resize((1, 2, 3))
    with pytest.raises(ValueError, match="max_size should only be passed"):
        F.resize(picture(4, 4), (2, 2), max_size=3)
    with pytest.raises(ValueError, match="strictly greater"):
        F.resize(picture(4, 4), 3, max_size=3)
    with pytest.raises(ValueError, match="at least 1×1"):
        F.resize(picture(4, 4), 0)
    with pytest.raises(TypeError, match="interpolation"):
        F.resize(picture(4, 4), 2, "bilinear")
    with pytest.raises(NotImplementedError, match="lanczos"):
        F.resize(flambeau.zeros(4, 4), 2, InterpolationMode.LANCZOS)
    with pytest.raises(TypeError, match="not a picture"):
        F.resize(flambeau.zeros(4), 2)
    with pytest.warns(UserWarning, match="antialias=False is ignored"):
        F.resize(picture(4, 4), 2, antialias=False)


def test_pillow_constants():
    assert T.Resize(3, Image.Resampling.NEAREST).interpolation is InterpolationMode.NEAREST
    assert T.Resize(3, 3).interpolation is InterpolationMode.BICUBIC


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@pytest.mark.parametrize("padding", [2, (1, 2), [3], (1, 0, 2, 3), (-1, 1, 0, -2)])
def test_pad_is_numpys(mode, padding):
    """Pictures of each mode and tensors of each dtype against numpy.pad; a negative border cuts off."""
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    left, top, right, bottom = F.borders(padding)
    options = {"constant_values": 7} if mode == "constant" else {}
    cut = pixels[max(-top, 0) : 4 - max(-bottom, 0), max(-left, 0) : 6 - max(-right, 0)]
    expected = np.pad(cut, ((max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))), mode, **options)
    for dtype in (flambeau.uint8, flambeau.float32, flambeau.int64):
        got = F.pad(flambeau.from_numpy(pixels).to(dtype), padding, 7, mode)
        assert got.dtype == dtype
        if mode in ("constant", "edge") or min(left, top, right, bottom) >= 0:  # else the mirror stands at the old edge
            assert got.tolist() == expected.tolist()
    if mode != "constant" or min(left, top, right, bottom) >= 0:
        of_picture = np.asarray(F.pad(Image.fromarray(pixels), padding, 7, mode))
        assert of_picture.tolist() == F.pad(flambeau.from_numpy(pixels), padding, 7, mode).tolist()


def test_pad_with_a_color():
    padded = F.pad(picture(2, 2), 1, (1, 2, 3))
    assert padded.size == (4, 4) and padded.getpixel((0, 0)) == (1, 2, 3)
    assert F.pad(picture(2, 2), 1, 5).getpixel((0, 0)) == (5, 5, 5)
    palette = picture(4, 4).convert("P")
    assert F.pad(palette, 1, padding_mode="edge").getpalette() == palette.getpalette()


def test_pad_says_what_is_wrong():
    with pytest.raises(ValueError, match="constant, edge, reflect or symmetric, got 'wrap'"):
        F.pad(picture(2, 2), 1, padding_mode="wrap")
    with pytest.raises(ValueError, match="not a 3 element tuple"):
        T.Pad((1, 2, 3))
    with pytest.raises(TypeError, match="padding arg"):
        T.Pad(1.5)
    with pytest.raises(ValueError, match="2 != 3"):
        F.pad(picture(2, 2), 1, (1, 2))
    with pytest.raises(TypeError, match="a tensor takes one number"):
        F.pad(flambeau.zeros(3, 2, 2), 1, (1, 2, 3))
    with pytest.raises(RuntimeError, match="less than the corresponding input dimension"):
        F.pad(flambeau.zeros(3, 2, 2), 2, padding_mode="reflect")


@pytest.mark.parametrize("box", [(0, 0, 2, 2), (1, 2, 3, 4), (-1, 3, 4, 9), (-3, -3, 4, 4), (-9, -9, 2, 2), (20, 20, 3, 3), (2, -2, 2, 9)])
def test_a_tensor_is_cropped_as_pillow_crops(box):
    img = picture(5, 7)
    assert flambeau.equal(F.crop(F.pil_to_tensor(img), *box), F.pil_to_tensor(F.crop(img, *box)))


@pytest.mark.parametrize("size", [3, (2, 5), [4], (9, 3), (3, 10), (5, 7), 12])
def test_center_crop(size):
    img = picture(5, 7)
    cropped = T.CenterCrop(size)(img)
    assert cropped.size == F.pair(size)[::-1]
    assert flambeau.equal(T.CenterCrop(size)(F.pil_to_tensor(img)), F.pil_to_tensor(cropped))


def test_center_crop_takes_the_middle():
    assert F.center_crop(count(5, 5), 1).tolist() == [[12]]
    with pytest.raises(ValueError, match="two dimensions"):
        T.CenterCrop((1, 2, 3))


def test_flips():
    img = picture(4, 5)
    for flip, axis in ((F.hflip, -1), (F.vflip, -2)):
        assert flambeau.equal(flip(F.pil_to_tensor(img)), F.pil_to_tensor(flip(img)))
        assert np.array_equal(flip(F.pil_to_tensor(img)).numpy(), np.flip(F.pil_to_tensor(img).numpy(), axis))


def test_grey():
    img = picture(4, 5)
    grey = T.Grayscale()(img)
    assert grey.mode == "L" and T.Grayscale(3)(img).mode == "RGB"
    numbers = T.Grayscale()(F.pil_to_tensor(img))
    assert numbers.shape == (1, 4, 5) and numbers.dtype == flambeau.uint8
    assert np.abs(numbers.numpy()[0].astype(int) - np.asarray(grey).astype(int)).max() <= 1
    assert T.Grayscale(3)(flambeau.rand(2, 1, 4, 5)).shape == (2, 3, 4, 5)
    with pytest.raises(ValueError, match="either 1 or 3, got 2"):
        T.Grayscale(2)(img)
    with pytest.raises(TypeError, match="permitted channel values"):
        T.Grayscale()(flambeau.rand(2, 4, 5))


def test_normalize():
    x = flambeau.rand(2, 3, 4, 4)
    mean, std = [0.1, 0.2, 0.3], [0.5, 0.25, 2.0]
    expected = (x.numpy() - np.reshape(mean, (3, 1, 1)).astype(np.float32)) / np.reshape(std, (3, 1, 1)).astype(np.float32)
    before = x.clone()
    np.testing.assert_allclose(T.Normalize(mean, std)(x).numpy(), expected, rtol=1e-6)
    assert flambeau.equal(x, before)
    T.Normalize(mean, std, inplace=True)(x)
    np.testing.assert_allclose(x.numpy(), expected, rtol=1e-6)
    with pytest.raises(ValueError, match="std evaluated to zero"):
        F.normalize(x, mean, [1, 0, 1])
    with pytest.raises(TypeError, match="float tensor"):
        F.normalize(x.to(flambeau.uint8), mean, std)
    with pytest.raises(TypeError, match="Tensor Image"):
        F.normalize(picture(2, 2), mean, std)
    with pytest.raises(ValueError, match="size \\(..., C, H, W\\)"):
        F.normalize(x[0, 0], mean, std)
