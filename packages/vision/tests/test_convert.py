"""Pictures of every mode to numbers and back, as torchvision has them."""

import numpy as np
import pytest
from PIL import Image

import flambeau
import flambeau_vision.transforms as T
from flambeau_vision.transforms import functional as F

# file, mode, shape, mean of ToTensor: from torchvision 0.28
PICTURES = [
    ("cmyk_pytorch.jpg", "CMYK", (4, 100, 100), 0.701251276),
    ("gray_pytorch.jpg", "L", (1, 100, 100), 0.066244707),
    ("gray_pytorch.png", "L", (1, 100, 100), 0.0530823531),
    ("grayalpha_pytorch.png", "LA", (2, 100, 100), 0.0823890197),
    ("palette_pytorch.png", "P", (1, 100, 100), 0.00694431414),
    ("rgb_pytorch.jpg", "RGB", (3, 100, 100), 0.0692567332),
    ("rgb_pytorch16.png", "RGB", (3, 100, 100), 0.0527874518),
    ("rgbalpha_pytorch.png", "RGBA", (4, 100, 100), 0.0756865694),
    ("rgbalpha_pytorch16.png", "RGBA", (4, 100, 100), 0.0756865694),
    ("FudanPed00054_mask.png", "L", (1, 498, 533), 0.000899392774),
]


@pytest.mark.parametrize("name,mode,shape,mean", PICTURES)
def test_real_pictures(images, name, mode, shape, mean):
    with Image.open(images / name) as picture:
        assert picture.mode == mode
        numbers = T.ToTensor()(picture)
        assert numbers.shape == shape and numbers.dtype == flambeau.float32 and numbers.is_contiguous()
        # JPEG decoders may differ by one step here and there
        assert float(numbers.mean()) == pytest.approx(mean, abs=1e-3 if name.endswith("jpg") else 1e-7)
        raw = T.PILToTensor()(picture)
        assert raw.shape == shape and raw.dtype == flambeau.uint8
        assert np.array_equal(raw.numpy(), np.asarray(picture).reshape(*shape[1:], shape[0]).transpose(2, 0, 1))


@pytest.mark.parametrize(
    "mode,pixels,expected,dtype",
    [
        ("1", [[False, True]], [0, 1], "float32"),
        ("L", np.array([[0, 51]], np.uint8), [0, np.float32(0.2)], "float32"),
        ("I", np.array([[-5, 70000]], np.int32), [-5, 70000], "int32"),
        ("F", np.array([[0.5, -2.0]], np.float32), [0.5, -2.0], "float32"),
        ("I;16", np.array([[1, 40000]], np.uint16), [1, 40000 - 65536], "int16"),
    ],
)
def test_to_tensor_of_each_mode(mode, pixels, expected, dtype):
    picture = Image.fromarray(np.array(pixels))
    assert picture.mode == mode
    numbers = F.to_tensor(picture)
    assert numbers.dtype == getattr(flambeau, dtype) and numbers.tolist() == [[expected]]


def test_to_tensor_owns_its_numbers():
    pixels = np.zeros((2, 2), np.float32)
    picture = Image.fromarray(pixels)
    F.pil_to_tensor(picture).fill_(9)
    assert picture.getpixel((0, 0)) == 0


def test_arrays():
    assert F.to_tensor(np.zeros((2, 3), np.uint8)).shape == (1, 2, 3)
    assert F.to_tensor(np.zeros((2, 3, 4), np.uint8)).dtype == flambeau.float32
    assert F.to_tensor(np.zeros((2, 3, 4), np.float64)).dtype == flambeau.float64  # as it is
    with pytest.raises(ValueError, match="2/3 dimensional. Got 1"):
        F.to_tensor(np.zeros(3))


def test_the_default_dtype_is_followed():
    flambeau.set_default_dtype(flambeau.float64)
    try:
        assert F.to_tensor(np.zeros((2, 3), np.uint8)).dtype == flambeau.float64
    finally:
        flambeau.set_default_dtype(flambeau.float32)


@pytest.mark.parametrize("function", [F.to_tensor, F.pil_to_tensor, F.to_pil_image, F.convert_image_dtype, F.hflip, F.get_dimensions])
@pytest.mark.parametrize("wrong", ["a.png", None, 3])
def test_what_is_no_picture(function, wrong):
    with pytest.raises(TypeError, match="Got <class"):
        function(wrong)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_to_pil_and_back(mode):
    channels = len(Image.new(mode, (1, 1)).getbands())
    numbers = flambeau.from_numpy(np.arange(channels * 6, dtype=np.uint8).reshape(channels, 2, 3))
    picture = T.ToPILImage()(numbers)
    assert picture.mode == mode and picture.size == (3, 2)
    assert flambeau.equal(F.pil_to_tensor(picture), numbers)
    assert flambeau.equal(F.pil_to_tensor(F.to_pil_image(F.to_tensor(picture))), numbers)  # through floats of 0..1


def test_to_pil_of_other_numbers():
    assert F.to_pil_image(np.ones((2, 3), np.int32)).mode == "I"
    assert F.to_pil_image(np.full((2, 3), 0.5, np.float32), mode="F").getpixel((0, 0)) == 0.5
    assert F.to_pil_image(flambeau.zeros(4, 2, 2), mode="CMYK").mode == "CMYK"
    with pytest.raises(ValueError, match="Incorrect mode"):
        F.to_pil_image(flambeau.zeros(3, 2, 2), mode="L")
    with pytest.raises(ValueError, match="> 4 channels"):
        F.to_pil_image(flambeau.zeros(5, 2, 2))
    with pytest.raises(ValueError, match="2/3 dimensional"):
        F.to_pil_image(flambeau.zeros(1, 3, 2, 2))
    with pytest.raises(TypeError, match="int64 is not supported"):
        F.to_pil_image(flambeau.zeros(3, 2, 2, dtype=flambeau.int64))


def test_convert_image_dtype():
    half = flambeau.tensor([0.0, 0.5, 1.0])
    assert F.convert_image_dtype(half, flambeau.uint8).tolist() == [0, 127, 255]
    assert F.convert_image_dtype(half, flambeau.float64).dtype == flambeau.float64
    byte = flambeau.tensor([0, 128, 255], dtype=flambeau.uint8)
    assert F.convert_image_dtype(byte).tolist() == pytest.approx([0, 128 / 255, 1])
    assert F.convert_image_dtype(byte, flambeau.int16).tolist() == [0, 128 * 128, 255 * 128]
    assert F.convert_image_dtype(flambeau.tensor([32767, 129], dtype=flambeau.int16), flambeau.uint8).tolist() == [255, 1]
    assert F.convert_image_dtype(byte, flambeau.uint8) is byte
    with pytest.raises(RuntimeError, match="cannot be performed safely"):
        F.convert_image_dtype(half, flambeau.int32)


def test_to_dtype():
    byte = flambeau.tensor([[0, 255]], dtype=flambeau.uint8)
    assert T.ToDtype(flambeau.float32)(byte).tolist() == [[0, 255]]
    assert T.ToDtype(flambeau.float32, scale=True)(byte).tolist() == [[0, 1]]
    assert T.ConvertImageDtype(flambeau.float32)(byte).tolist() == [[0, 1]]
