"""What layers do at the edges: empty inputs, dtypes that a resize does not take, channels last, members with taken names."""

from collections import OrderedDict

import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau import nn
from flambeau.testing import assert_close


@pytest.mark.parametrize(("shape", "sides", "mode", "words"), [
    ((3, 0, 10), (2, 2), "reflect", "2D or 3D"), ((3, 0, 9, 9), (1, 1, 1, 1), "replicate", "3D or 4D"),
    ((3, 0, 4, 4, 4), (1,) * 6, "reflect", "4D or 5D"), ((0, 10), (2, 2), "replicate", "2D or 3D"),
    ((1, 1, 4), (-3, -2), "circular", "empty dimension"), ((1, 1, 4), (-3, -2), "reflect", "too small"),
    ((1, 1, 4), (-3, -2), "replicate", "too small"), ((1, 1, 4), (5, 4), "circular", "wrapping"),
])
def test_pads_that_have_nothing_to_read(shape, sides, mode, words):
    with pytest.raises(RuntimeError, match=words):
        F.pad(flambeau.ones(shape), sides, mode=mode)


def test_pads_of_empty_batches_and_of_nothing():
    assert F.pad(flambeau.ones(0, 3, 10), (2, 2), mode="reflect").shape == (0, 3, 14)
    assert F.pad(flambeau.ones(3, 0, 10), (2, 2), mode="circular").shape == (3, 0, 14)
    image = flambeau.ones(1, 1, 2, 2)
    for mode in ("reflect", "replicate", "circular", "constant"):
        F.pad(image, (0, 0, 0, 0), mode=mode).fill_(4)
    assert image.sum() == 4  # never a view


@pytest.mark.parametrize("dtype", [flambeau.int8, flambeau.int64, flambeau.bool, flambeau.complex64])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic", "area"])
def test_resizes_take_floats_and_bytes(mode, dtype):
    with pytest.raises(NotImplementedError, match="not implemented for"):
        F.interpolate(flambeau.ones(1, 1, 2, 2, dtype=dtype), scale_factor=2, mode=mode)
    if mode != "area":
        assert F.interpolate(flambeau.ones(1, 1, 2, 2, dtype=flambeau.uint8), scale_factor=2, mode=mode).shape == (1, 1, 4, 4)


def test_sizes_are_integers():
    with pytest.raises(TypeError, match="float"):
        F.interpolate(flambeau.ones(1, 1, 4, 4), size=(2.5, 3))
    assert F.interpolate(flambeau.ones(1, 1, 4, 4), size=(flambeau.tensor(3), 2)).shape == (1, 1, 3, 2)


def test_sequences_and_batches_without_elements():
    assert nn.LSTM(4, 3)(flambeau.ones(5, 0, 4))[0].shape == (5, 0, 3)
    assert nn.GRUCell(2, 0)(flambeau.ones(3, 2), flambeau.ones(3, 0)).shape == (3, 0)
    assert nn.LSTMCell(2, 0)(flambeau.ones(3, 2))[0].shape == (3, 0)
    layer = nn.TransformerEncoderLayer(8, 2, 4, batch_first=True).eval()
    assert layer(flambeau.ones(0, 3, 8), src_mask=flambeau.zeros(0, 3, 3)).shape == (0, 3, 8)
    weights = flambeau.ones(2, 4, 3, 2)
    assert flambeau.vmap(F.conv1d, (None, 0))(flambeau.ones(0, 3, 5), weights).shape == (2, 0, 4, 4)
    with pytest.raises(ValueError, match="more than 1 value"):
        nn.GroupNorm(2, 2)(flambeau.ones(1, 2))


@pytest.mark.parametrize("function", [F.softplus, F.softshrink, F.hardshrink, F.logsigmoid])
def test_out(function):
    given, out = flambeau.tensor([-2.0, 0.1, 3.0]), flambeau.empty(0)
    assert function(given, out=out) is out
    assert_close(out, function(given))
    with pytest.raises(RuntimeError, match="automatic differentiation"):
        function(given.requires_grad_(), out=out)


def test_shuffled_pixels_stay_channels_last():
    image = flambeau.arange(32.0).reshape(1, 8, 2, 2)
    last = F.pixel_shuffle(image.contiguous(memory_format=flambeau.channels_last), 2)
    assert last.is_contiguous(memory_format=flambeau.channels_last)
    assert_close(last, F.pixel_shuffle(image, 2), check_stride=False)


def test_a_norm_that_tracks_nothing_keeps_its_buffers():
    norm = nn.BatchNorm1d(4)
    norm.track_running_stats = False
    norm(flambeau.rand(3, 4))
    assert norm.num_batches_tracked == 0 and norm.running_mean.tolist() == [0] * 4
    with pytest.warns(UserWarning, match="does not match num_features"):
        nn.InstanceNorm1d(4)(flambeau.rand(2, 3, 5))


class Mixin:
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.mixed = args


class Mixed(nn.Module, Mixin):
    pass


def test_call_super_init(monkeypatch):
    assert not hasattr(Mixed(), "mixed")
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        Mixed(1)
    with pytest.raises(TypeError, match="unexpected keyword argument 'size'"):
        nn.Module(size=1)
    monkeypatch.setattr(Mixed, "call_super_init", True, raising=False)
    assert Mixed().mixed == ()


class OwnBuffers(nn.Module):
    def register_buffer(self, name, tensor):
        super().register_buffer(name, tensor, True)


def test_buffers_by_assignment():
    part = OwnBuffers()
    part.kept = nn.Buffer(flambeau.ones(1))
    assert list(part.state_dict()) == ["kept"]
    with pytest.raises(RuntimeError, match="without the persistent argument"):
        part.other = nn.Buffer(flambeau.ones(1), persistent=False)
    part.number = 5
    with pytest.raises(KeyError, match="already exists"):
        part.number = nn.Buffer(flambeau.ones(1))


def test_parameter_dict_sorts_plain_mappings():
    two = {"b": flambeau.ones(1), "a": flambeau.ones(1)}
    assert list(nn.ParameterDict(two)) == ["a", "b"] and list(nn.ParameterDict(OrderedDict(two))) == ["b", "a"]


def test_nothing_moves_out_of_meta():
    with pytest.raises(NotImplementedError, match="to_empty"):
        nn.Linear(2, 2, device="meta").to("cpu")


@pytest.mark.parametrize("dtype", [flambeau.float16, flambeau.bfloat16])
@pytest.mark.parametrize("options", [{"is_causal": True}, {"scale": 0.5}, {"attn_mask": 3}, {"enable_gqa": True}])
def test_attention_in_halves_is_rounded_once(dtype, options):
    query, key, value = (flambeau.rand(2, heads, 5, 4).to(dtype) for heads in (4, 2, 2))
    if not options.get("enable_gqa"):
        key, value = (x.repeat_interleave(2, 1) for x in (key, value))
    wide = dict(options)
    if "attn_mask" in options:
        options = {"attn_mask": flambeau.rand(5, 5).to(dtype)}
        wide = {"attn_mask": options["attn_mask"].float()}
    result = F.scaled_dot_product_attention(query.requires_grad_(), key, value, **options)
    exact = F.scaled_dot_product_attention(query.detach().float(), key.float(), value.float(), **wide)
    assert result.dtype is dtype and (result == exact.to(dtype)).all()
    result.sum().backward()
    assert query.grad.dtype is dtype


ONES = flambeau.ones


@pytest.mark.parametrize(("call", "error", "words"), [
    (lambda: F.conv2d(ONES(1, 2, 4, 4), ONES(0, 2, 3, 3)), RuntimeError, "at least 1 at dimension 0"),
    (lambda: F.conv1d(ONES(1, 2, 4), ONES(2, 2, 0)), RuntimeError, "kernel size should be greater than zero"),
    (lambda: F.fold(ONES(1, 12, 12), (4, 5), (2, 2), dilation=8), RuntimeError, "calculated shape of the array of sliding blocks as"),
    (lambda: F.cosine_similarity(ONES(3, dtype=flambeau.int8), ONES(3, dtype=flambeau.int32), 0), RuntimeError, "common dtype is Int"),
    (lambda: F.ctc_loss(ONES(5, 1, 4), ONES(1, 2).long(), ONES(1) * 5, [2]), RuntimeError, "input_lengths must be integral"),
    (lambda: F.ctc_loss(ONES(5, 1, 4), ONES(1, 2).long(), [5], ONES(1) * 2), RuntimeError, "target_lengths must be integral"),
    (lambda: F.grid_sample(ONES(1, 2, 2), ONES(1, 1, 1, 2), align_corners=False), RuntimeError, "to have size 1 in last dimension"),
    (lambda: nn.Linear(2, 2).to("cpu", flambeau.float, 2), TypeError, r"\(str, dtype, int\)"),
    (lambda: nn.Linear(2, 2).to(flambeau.float, "cpu"), TypeError, "invalid combination"),
    (lambda: nn.Module().to(1, 2, 3), TypeError, "invalid combination"),
])
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_similarity_of_two_dtypes():
    assert F.cosine_similarity(ONES(3, dtype=flambeau.int8), ONES(3), 0).item() == pytest.approx(1)
    assert F.cosine_similarity(ONES(3, dtype=flambeau.float64), ONES(3), 0).dtype is flambeau.float64
    assert nn.Linear(2, 2).to(flambeau.tensor(2.0, dtype=flambeau.float64), True).weight.dtype is flambeau.float64
