"""Names and helpers that programs written for PyTorch import."""

from __future__ import annotations

import gc
import io
import mmap
import sys
import zipfile

import flambeau.distributions.normal
import flambeau.nn.common_types
import flambeau.nn.modules.batchnorm
import flambeau.nn.utils.clip_grad
import flambeau.optim.adamw
import flambeau.signal.windows.windows
import pytest

import flambeau
import flambeau.autograd.grad_mode
from flambeau import nn, serialization
from flambeau.aliases import Alias, alias
from flambeau.nn import grad as of_conv
from flambeau.nn.modules.utils import _pair, _reverse_repeat_tuple, consume_prefix_in_state_dict_if_present
from flambeau.utils import cpp_extension
from flambeau.utils.checkpoint import check_backward_validity, detach_variable
from flambeau.utils.weak import TensorWeakRef, WeakIdKeyDictionary, WeakTensorKeyDictionary


def test_every_alias_leads_to_something():
    found = [module for name, module in sys.modules.items() if isinstance(module, Alias)]
    assert len(found) > 60
    for module in found:
        for word in module._found:
            assert getattr(module, word) is not None and word in dir(module)
    assert flambeau.nn.modules.batchnorm.BatchNorm2d is nn.BatchNorm2d and flambeau.nn.modules.Linear is nn.Linear
    assert issubclass(nn.BatchNorm1d, flambeau.nn.modules.batchnorm._BatchNorm)
    with pytest.raises(AttributeError, match="has no attribute 'Conv9d'"):
        _ = flambeau.nn.modules.conv.Conv9d
    with pytest.raises(ImportError):
        from flambeau.nn.modules.conv import Nothing  # noqa: F401
    alias("flambeau.nn", {"functional": "nn: Linear"})
    assert flambeau.nn.functional.relu is not None  # what is there stays


def test_helpers_of_modules():
    assert _pair(3) == (3, 3) and _pair([1, 2]) == (1, 2) and _reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1)
    state = nn.DataParallel(nn.BatchNorm1d(2)).state_dict()
    consume_prefix_in_state_dict_if_present(state, "module.")
    nn.BatchNorm1d(2).load_state_dict(state)
    assert list(state) == list(nn.BatchNorm1d(2).state_dict()) and "" in state._metadata
    with pytest.warns(FutureWarning, match="deprecated"):
        assert isinstance(nn.Container(a=nn.ReLU()).a, nn.ReLU)
    assert nn.factory_kwargs(None) == {} and nn.factory_kwargs({"dtype": 1, "factory_kwargs": {"device": 2}}) == {"dtype": 1, "device": 2}
    for wrong in ({"size": 1}, {"dtype": 1, "factory_kwargs": {"dtype": 2}}):
        with pytest.raises(TypeError):
            nn.factory_kwargs(wrong)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_gradients_of_convolutions(axes):
    conv = getattr(nn.functional, f"conv{axes}d")
    x = flambeau.randn(2, 4, *(6,) * axes, dtype=flambeau.float64, requires_grad=True)
    w = flambeau.randn(6, 2, *(3,) * axes, dtype=flambeau.float64, requires_grad=True)
    y = conv(x, w, None, 2, 1, 1, 2)
    g = flambeau.randn(y.shape, dtype=flambeau.float64)
    y.backward(g)
    assert flambeau.allclose(getattr(of_conv, f"conv{axes}d_input")(x.shape, w, g, 2, 1, 1, 2), x.grad)
    assert flambeau.allclose(getattr(of_conv, f"conv{axes}d_weight")(x, w.shape, g, 2, 1, 1, 2), w.grad)


def test_tensors_change_places():
    a, b = nn.Parameter(flambeau.ones(2)), flambeau.zeros(3, dtype=flambeau.float64, requires_grad=True)
    a.note = "a"
    flambeau.utils.swap_tensors(a, b)
    assert type(b) is nn.Parameter and type(a) is flambeau.Tensor and b.note == "a"
    assert not hasattr(a, "note") and a.dtype is flambeau.float64
    (a.sum() + b.sum().double()).backward()
    assert a.grad.shape == (3,) and b.grad.shape == (2,)
    held = WeakIdKeyDictionary({a: 1})
    with pytest.raises(RuntimeError, match="Cannot swap t1 because it has weakref"):
        flambeau.utils.swap_tensors(a, b)
    assert held[a] == 1
    with pytest.raises(RuntimeError, match="is a view"):
        flambeau.utils.swap_tensors(flambeau.ones(4)[1:], flambeau.ones(3))


def test_dictionaries_that_know_tensors_by_who_they_are():
    x, y = flambeau.ones(2), flambeau.ones(2)
    table = WeakTensorKeyDictionary({x: 1})
    table[y] = 2
    assert table[x] == 1 and len(table) == 2 and list(table) == [x, y] if x is y else [k is k for k in table]
    assert x in table and 3 not in table and dict(table.copy().items())[y] == 2 and len(table.keyrefs()) == 2
    held = TensorWeakRef(y)
    del table[x], y
    gc.collect()
    assert len(table) == 0 and held() is None and (WeakIdKeyDictionary() | {x: 3})[x] == 3
    with pytest.raises(KeyError):
        table[x]
    with pytest.raises(AssertionError):
        TensorWeakRef(1)


def test_files_without_their_bytes(tmp_path):
    path = tmp_path / "x.pt"
    with serialization.skip_data():
        flambeau.save({"x": flambeau.ones(3)}, path)
    assert flambeau.load(path)["x"].tolist() == [0.0] * 3
    flambeau.save({"x": flambeau.ones(3)}, path)
    with serialization.skip_data():
        assert flambeau.load(path)["x"].tolist() == [0.0] * 3
    assert flambeau.load(path)["x"].tolist() == [1.0] * 3


def test_maps_that_reach_the_file(tmp_path):
    path = tmp_path / "x.pt"
    flambeau.save(flambeau.ones(3), path)
    config = flambeau.utils.serialization.config
    assert serialization.get_default_mmap_options() == mmap.MAP_PRIVATE and config.load.mmap is False
    config.load.mmap = True
    try:
        flambeau.load(path)[0] = 5
        with serialization.set_default_mmap_options(mmap.MAP_SHARED):
            flambeau.load(path)[1] = 7
    finally:
        config.load.mmap = False
    serialization.set_crc32_options(False)
    try:
        assert flambeau.load(path).tolist() == [1.0, 7.0, 1.0]
    finally:
        serialization.set_crc32_options(True)
    with pytest.raises(RuntimeError, match="CRC"):
        flambeau.load(path)
    with pytest.raises(ValueError, match="MAP_PRIVATE"):
        serialization.set_default_mmap_options(99)


def test_packages_say_where_storages_go():
    seen = []
    serialization.register_package(1, lambda storage: "far" if storage.nbytes() == 12 else None,
                                   lambda storage, place: seen.append(place) or storage if place == "far" else None)  # fmt: skip
    try:
        file = io.BytesIO()
        flambeau.save([flambeau.ones(3), flambeau.ones(2)], file)
        assert b"far" in zipfile.ZipFile(file).read("archive/data.pkl")
        file.seek(0)
        assert [x.tolist() for x in flambeau.load(file)] == [[1.0] * 3, [1.0] * 2] and seen == ["far"]
    finally:
        serialization.options._packages.clear()
    assert serialization.location_tag(flambeau.ones(1).untyped_storage()) == "cpu"


class _Module:
    __name__, __version__ = "thing", "1.2.x"


def test_versions_of_modules():
    assert serialization.check_module_version_greater_or_equal(_Module, (1, 1))
    assert not serialization.check_module_version_greater_or_equal(_Module, (1, 3))
    with pytest.raises(RuntimeError, match="malformed"):
        serialization.check_module_version_greater_or_equal(_Module, (1, 2, 3))
    with pytest.warns(UserWarning, match="malformed"):
        assert serialization.check_module_version_greater_or_equal(_Module, (1, 2, 3), False)


@pytest.mark.parametrize("call", [
    lambda: cpp_extension.load("x", []), lambda: cpp_extension.load_inline("x", ""), lambda: cpp_extension.CUDAExtension("x", []),
    lambda: cpp_extension.BuildExtension(), lambda: flambeau.utils.rename_privateuse1_backend("x"),
    lambda: flambeau.utils.generate_methods_for_privateuse1_backend(), lambda: flambeau.ones(2).solve(1), lambda: flambeau.ones(2).eig(),
    lambda: flambeau.ones(2).xpu(), lambda: flambeau.ones(2).reinforce(1),
])  # fmt: skip
def test_what_is_not_here_says_so(call):
    with pytest.raises(RuntimeError, match=r"flambeau|Flambeau|flambeau\.op"):
        call()


def test_small_things():
    x = flambeau.ones(2, requires_grad=True)
    (y,) = detach_variable((x * 2,))
    assert y.is_leaf and y.requires_grad
    with pytest.warns(UserWarning, match="None of the inputs"):
        check_backward_validity([flambeau.ones(1)])
    with pytest.warns(FutureWarning, match="deprecated"):
        assert flambeau.ones(2, 3).resize(3, 2).shape == (3, 2)
    with pytest.warns(FutureWarning, match="deprecated"), pytest.raises(RuntimeError, match="6 elements"):
        flambeau.ones(2, 3).resize(3)
    assert (2,) + flambeau.Size([1]) == (2, 1) and flambeau.float16.abbr == "f16" and flambeau.uint8.abbr == "u8"
    assert flambeau.return_types.max_out is flambeau.return_types.max and len(flambeau.return_types.all_return_types) > 20
    with pytest.raises(TypeError, match="symbolic"):
        flambeau.SymInt(1)
    flambeau.utils.set_module(_Module, "elsewhere")
    assert _Module.__module__ == "elsewhere" and "Python version" in flambeau.utils.collect_env.get_pretty_env_info()
    bench = flambeau.utils.ThroughputBenchmark(nn.Linear(2, 3))
    with pytest.raises(RuntimeError, match="no inputs"):
        bench.benchmark()
    bench.add_input(flambeau.ones(1, 2))
    assert bench.benchmark(2, 1, 5).num_iters == 5 and "latency" in str(bench.benchmark(1, 0, 1))
    assert bench.run_once(flambeau.ones(1, 2)).shape == (1, 3)
