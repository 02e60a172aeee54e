"""Profiles of work on a GPU."""

from __future__ import annotations

import pytest

import flambeau
from flambeau import cuda
from flambeau.profiler import ProfilerActivity, profile, record_function, supported_activities

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _gpu():
    if not cuda.is_available():
        pytest.skip("needs CuPy and a GPU")


def test_time_and_memory_of_the_device(tmp_path):
    x = flambeau.rand(2048, 2048, device="cuda", requires_grad=True)
    (x @ x).sum().backward()  # warm up: libraries are loaded, kernels built
    assert ProfilerActivity.CUDA in supported_activities()
    with profile(record_shapes=True, profile_memory=True) as p:
        with record_function("forward"):
            y = x @ x
            loss = y.relu().sum()
        loss.backward()
        del y, loss
    rows = {row.key: row for row in p.key_averages()}
    mm, part = rows["aten::mm"], rows["forward"]
    assert mm.device_time_total > 0 and mm.self_device_time_total == mm.device_time_total and mm.use_device == "cuda"
    assert mm.device_memory_usage >= 2048 * 2048 * 4 and rows["aten::relu"].self_device_memory_usage == 2048 * 2048 * 4
    assert mm.cpu_memory_usage == 0
    assert part.device_time_total >= rows["aten::relu"].device_time_total > 0 and part.self_device_time_total == 0
    product = next(e for e in p.events() if e.name == "aten::mm")
    assert [kernel.device for kernel in product.kernels] == [x.device.index or 0]
    table = p.key_averages().table(sort_by="self_cuda_time_total", row_limit=5)
    assert "Self CUDA" in table and "CUDA Mem" in table and "Self CUDA time total" in table
    assert table.splitlines()[3].split()[0] == max(rows.values(), key=lambda row: row.self_device_time_total).key
    p.export_chrome_trace(tmp_path / "t.json")
    assert '"Device Type": 1' in (tmp_path / "t.json").read_text()


def test_what_is_on_the_host_has_no_device_time():
    with profile() as p:
        _ = flambeau.ones(10) + 1
    (event,) = p.events()
    assert event.device_time_total == 0 and event.kernels == [] and "CUDA" not in p.key_averages().table()
    with profile(activities=[ProfilerActivity.CPU]) as p:
        _ = flambeau.ones(10, device="cuda") + 1
    assert p.key_averages()[0].device_time_total == 0 and p.use_device is None


def test_ranges_for_nsight():
    x = flambeau.ones(3, device="cuda", requires_grad=True)
    with flambeau.autograd.profiler.emit_nvtx(record_shapes=True):
        (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]
