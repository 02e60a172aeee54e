"""flambeau.cuda on a GPU."""

from __future__ import annotations

import warnings

import pytest

import flambeau
from flambeau import cuda

cupy = pytest.importorskip("cupy", reason="needs CuPy and a GPU")
pytestmark = pytest.mark.gpu
MIB = 2**20


def test_devices_say_what_they_are():
    assert cuda.is_available() and cuda.device_count() >= 1 and cuda.current_device() == 0
    found = cuda.get_device_properties(0)
    free, total = cuda.mem_get_info()
    assert cuda.get_device_name() == found.name and cuda.get_device_capability("cuda:0") == (found.major, found.minor)
    assert 0 < free <= total and abs(total - found.total_memory) < total / 10 and found.warp_size == 32
    assert cuda.get_arch_list() and cuda.is_bf16_supported() and not cuda.can_device_access_peer(0, 0)
    assert flambeau.version.cuda.count(".") == 1 and flambeau.backends.cuda.is_built()
    assert flambeau.accelerator.current_accelerator(True) == flambeau.device("cuda") and flambeau.get_device_module() is cuda
    assert flambeau.accelerator.current_device_index() == 0 and cuda.is_initialized()


def test_a_number_out_of_range_is_an_error():
    for call in (cuda.set_device, cuda.get_device_name, cuda.synchronize, lambda i: cuda.device(i).__enter__()):
        with pytest.raises(RuntimeError, match="invalid device ordinal"):
            call(cuda.device_count())


def test_blocks_give_the_device_back():
    x = flambeau.ones(2, device="cuda")
    with pytest.raises(ZeroDivisionError), cuda.device(0), cuda.device_of(x), cuda.device(-1):
        assert cuda.current_device() == x.get_device() == 0
        raise ZeroDivisionError
    assert cuda.current_device() == 0


@pytest.mark.skipif("cuda.device_count() < 2")
def test_cuda_without_a_number_is_the_current_device():
    with cuda.device(1):
        x = flambeau.ones(2, device="cuda")
        assert x.get_device() == 1 and flambeau.ones(2, device="cuda:0").to("cuda").get_device() == 1
    assert x.cuda().get_device() == 0 and x.to("cuda:1") is x


def test_streams_and_events():
    x = flambeau.rand(512, 512, device="cuda")
    side, first = cuda.Stream(priority=-1), cuda.current_stream()
    assert first == cuda.default_stream() and side != first and side.device == flambeau.device("cuda:0") and side.priority <= 0
    start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    assert start.query()
    with pytest.raises(ValueError, match="recorded"):
        start.elapsed_time(end)
    side.wait_stream(first)
    with cuda.stream(side):
        assert cuda.current_stream() == side
        start.record()
        y = x @ x
        end.record()
        with cuda.stream(None):
            assert cuda.current_stream() == side
    assert cuda.current_stream() == first
    first.wait_stream(side)
    end.synchronize()
    assert end.query() and start.elapsed_time(end) > 0
    side.synchronize()
    cuda.synchronize()
    assert side.query()
    flambeau.testing.assert_close(y.cpu(), x.cpu() @ x.cpu(), rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match="enable_timing"):
        start.elapsed_time(cuda.Event())
    with pytest.raises(RuntimeError, match="interprocess"):
        cuda.Event(interprocess=True)
    with side:
        assert cuda.current_stream().cuda_stream == side.cuda_stream == cuda.ExternalStream(side.cuda_stream).cuda_stream
    cuda.set_stream(side)
    assert cuda.current_stream() == side
    cuda.set_stream(first)


def test_memory_is_counted():
    cuda.empty_cache()
    before = cuda.memory_allocated()
    cuda.reset_peak_memory_stats()
    x = flambeau.empty(4 * MIB, device="cuda")  # 16 MiB
    del x
    y = flambeau.empty(MIB, device="cuda")  # 4 MiB
    assert cuda.memory_allocated() - before == 4 * MIB
    assert cuda.max_memory_allocated() - before == 16 * MIB
    assert cuda.memory_reserved() >= cuda.memory_allocated() and cuda.max_memory_reserved() >= before + 16 * MIB
    stats = cuda.memory_stats()
    assert stats["allocated_bytes.all.peak"] - stats["allocated_bytes.all.current"] == 12 * MIB
    assert "allocated_bytes.all.peak" in cuda.memory_summary()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        cuda.reset_max_memory_allocated()
    assert cuda.max_memory_allocated() == cuda.memory_allocated()
    del y
    cuda.empty_cache()
    assert cuda.memory_allocated() == before and cuda.memory_reserved() <= cuda.max_memory_reserved()


def test_no_room_is_pytorchs_error():
    x = flambeau.ones(1 << 20, device="cuda")
    for make in (lambda: flambeau.empty(1 << 40, device="cuda"), lambda: x[:, None] * x):
        with pytest.raises(cuda.OutOfMemoryError, match="out of memory") as found:
            make()
        assert isinstance(found.value, RuntimeError)
    with pytest.raises(TypeError, match="fraction"):
        cuda.set_per_process_memory_fraction(1)
    with pytest.raises(ValueError, match="fraction"):
        cuda.set_per_process_memory_fraction(1.5)


def test_seeds_begin_the_one_stream():
    cuda.manual_seed_all(5)
    first, state = flambeau.rand(3, device="cuda"), cuda.get_rng_state()
    assert cuda.initial_seed() == 5 and len(cuda.get_rng_state_all()) == cuda.device_count()
    second = flambeau.rand(3, device="cuda")
    cuda.set_rng_state(state)
    assert flambeau.equal(flambeau.rand(3, device="cuda"), second)
    flambeau.manual_seed(5)
    assert flambeau.equal(flambeau.rand(3, device="cuda"), first)
    with pytest.raises(RuntimeError, match="generator state"):
        cuda.set_rng_state(flambeau.zeros(16, dtype=flambeau.uint8))


def test_ranges_and_marks_are_taken():
    with cuda.nvtx.range("step {}", 1):
        cuda.nvtx.mark("here")
        assert cuda.nvtx.range_push("inner") == 1 and cuda.nvtx.range_pop() == 1


def test_attention_is_fused_by_each_of_the_three():
    from flambeau.nn.attention import SDPBackend, sdpa_kernel
    from flambeau.nn.functional import scaled_dot_product_attention

    q = flambeau.randn(1, 2, 8, 4, device="cuda")
    with sdpa_kernel(SDPBackend.MATH):
        table = scaled_dot_product_attention(q, q, q)
    for way in (SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION):
        with sdpa_kernel(way):
            flambeau.testing.assert_close(scaled_dot_product_attention(q, q, q), table)
    with sdpa_kernel(SDPBackend.ERROR), pytest.raises(RuntimeError, match="No viable backend"):
        scaled_dot_product_attention(q, q, q)
