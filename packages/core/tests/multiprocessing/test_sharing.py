"""Tensors that several processes see: what one writes the other reads, and nothing is left when they are gone."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

import flambeau
import flambeau.multiprocessing as mp
from flambeau import nn
from flambeau.backends import shared
from flambeau.ops import sharing

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="shared memory is looked for in /dev/shm and /proc"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning"),
]


@pytest.fixture(params=sorted(mp.get_all_sharing_strategies()) if os.name == "posix" else [])
def strategy(request):
    before = mp.get_sharing_strategy()
    mp.set_sharing_strategy(request.param)
    yield request.param
    mp.set_sharing_strategy(before)
    gc.collect()
    assert names() == []


def names() -> list[str]:
    return [p.name for p in Path("/dev/shm").glob(f"{shared.PREFIX[1:]}{os.getpid()}_*")]


def add_one(index, *tensors):
    for x in tensors:
        x.detach().add_(1)


def echo(inward, outward):
    while (x := inward.get()) is not None:
        x.detach().mul_(2)
        outward.put(x)
        del x


def fail(index):
    if index == 1:
        raise ValueError("a problem of process 1")
    signal.pause()


def kill(index):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_processes_write_into_one_tensor(strategy, method):
    x, w = flambeau.zeros(3, 4), nn.Parameter(flambeau.zeros(5))
    x.share_memory_(), w.share_memory_()
    mp.start_processes(add_one, (x, w, x.t()[1:]), nprocs=2, start_method=method)
    assert x[:, 0].tolist() == [2.0] * 3 and x[:, 1].tolist() == [4.0] * 3 and w.tolist() == [2.0] * 5 and w.requires_grad


def test_queues_hand_on_memory(strategy):
    context = mp.get_context("fork")
    there, back = context.Queue(), context.Queue()
    process = context.Process(target=echo, args=(there, back), daemon=True)
    process.start()
    for dtype in (flambeau.float32, flambeau.bfloat16, flambeau.int64, flambeau.complex64):
        x = flambeau.ones(100, 3, dtype=dtype)
        for sent in (x, x[1::2], x.t(), flambeau.zeros(0, 3, dtype=dtype), flambeau.tensor(2, dtype=dtype)):
            there.put(sent)
            got = back.get(timeout=20)
            assert got.shape == sent.shape and got.stride() == sent.stride() and got.dtype is dtype and flambeau.equal(got, sent)
            assert got.numel() == 0 or got.data_ptr() == sent.data_ptr(), "the same memory came back"
        assert x.is_shared()
    del x, sent, got
    there.put(None)
    process.join(20)
    assert process.exitcode == 0
    for queue in (there, back):
        queue.close()
        queue.join_thread()
    gc.collect()


def test_a_storage_and_its_tensors_move_together(strategy):
    queue = mp.get_context("fork").Queue()
    x = flambeau.arange(4.0)
    part, odd, bytes_, elements = x[1:], x.as_strided((2,), (2,)), x.untyped_storage(), x.typed_storage()
    read = flambeau.TypedStorage(wrap_storage=bytes_, dtype=flambeau.int32)
    queue.put([bytes_, x, elements])
    got, tensor, typed = queue.get(timeout=20)
    assert got == tensor.untyped_storage() and got._cdata == typed._cdata and typed.tolist() == [0, 1, 2, 3]
    got.fill_(0)
    for seen in (x, part, odd, bytes_, elements, read, typed):
        assert seen.is_shared() and not any(seen.tolist())
    assert bytes_.data_ptr() == elements.data_ptr() == read.data_ptr() == x.data_ptr() == odd.data_ptr()
    y = flambeau.arange(2.0)
    bytes_ = y.untyped_storage()
    y.share_memory_()[0] = 1.0
    assert bytes_.tolist() == [0, 0, 128, 63] * 2 and flambeau.zeros(2).untyped_storage().is_shared() is False
    del x, part, odd, bytes_, elements, read, got, tensor, typed, seen, y
    gc.collect()
    assert not sharing.joined


def test_a_module_lies_in_one_segment_and_goes_on_training(strategy):
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    optimizer = flambeau.optim.Adagrad(net.parameters(), lr=0.1)
    x = flambeau.randn(6, 3)
    net(x).square().sum().backward()
    optimizer.step()
    values = [p.tolist() for p in net.parameters()]
    assert net.share_memory() is net
    optimizer.share_memory()
    assert all(t.is_shared() for t in (*net.parameters(), *net.buffers(), *(p.grad for p in net.parameters())))
    assert all(v.is_shared() for state in optimizer.state.values() for v in state.values())
    assert len({shared.segment_of(t.array).key for t in (*net.parameters(), *net.buffers())}) == 1
    assert [p.tolist() for p in net.parameters()] == values
    mp.start_processes(add_one, tuple(net.parameters()), start_method="fork")
    assert net[0].bias.tolist() == pytest.approx([v + 1 for v in values[1]])
    net(x).square().sum().backward()
    optimizer.step()
    assert net[0].bias.tolist() != pytest.approx([v + 1 for v in values[1]]) and net[0].bias.is_shared()


def test_views_follow_their_base():
    base = flambeau.arange(10.0)
    view, turned = base[2:], base.view(2, 5).t()
    view.share_memory_()
    assert base.is_shared() and turned.is_shared()
    base[3] = 50.0
    assert view[1].item() == 50 and turned[3, 0].item() == 50 and turned.stride() == (1, 5)


def test_no_open_files_and_no_memory_are_left(strategy):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        flambeau.ones(1000).share_memory_()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 1 and names() == []


def test_what_cannot_be_shared_says_why():
    from multiprocessing.reduction import ForkingPickler

    with pytest.raises(RuntimeError, match="non-leaf"):
        ForkingPickler.dumps(flambeau.ones(2, requires_grad=True) * 2)
    with pytest.raises(RuntimeError, match="meta"):
        flambeau.empty(2, device="meta").share_memory_()
    with pytest.raises(RuntimeError, match="uninitialized"):
        nn.LazyLinear(3).share_memory()
    with pytest.raises(AssertionError, match="file_descriptor"):
        mp.set_sharing_strategy("telepathy")
    with pytest.raises(ValueError, match="name of a segment"):
        shared.by_name("/etc/passwd")
    with pytest.raises(RuntimeError, match="gone"):
        shared.by_name("/flambeau_1_00")


def test_a_place_outside_of_the_memory_is_refused():
    from multiprocessing.reduction import DupFd

    from flambeau.multiprocessing.reductions import rebuild

    x = flambeau.ones(4).share_memory_()
    fd = shared.segment_of(x.array).fd
    for offset, shape, strides in ((0, (10_000,), (4,)), (-8, (1,), (4,)), (0, (2,), (-4,)), (0, (2,), (1 << 40,))):
        with pytest.raises(ValueError, match="does not fit"):
            rebuild(flambeau.Tensor, DupFd(fd), None, flambeau.float32, offset, shape, strides, False)


def test_a_process_that_raises_or_is_killed_is_told():
    with pytest.raises(mp.ProcessRaisedException, match="a problem of process 1") as raised:
        mp.start_processes(fail, nprocs=2, start_method="fork")
    assert raised.value.error_index == 1
    assert pickle.loads(pickle.dumps(raised.value)).error_pid == raised.value.error_pid  # noqa: S301
    with pytest.raises(mp.ProcessExitedException, match="SIGKILL") as exited:
        mp.start_processes(kill, start_method="fork")
    assert exited.value.signal_name == "SIGKILL" and exited.value.exit_code == -9
    running = mp.start_processes(fail, nprocs=1, join=False, start_method="fork")
    assert running.join(timeout=0.05) is False and len(running.pids()) == 1
    os.kill(running.pids()[0], signal.SIGTERM)
    with pytest.raises(mp.ProcessExitedException, match="SIGTERM"):
        running.join()


def test_pinning_needs_a_gpu():
    x = flambeau.ones(2)
    assert not x.is_pinned()
    try:
        pinned = x.pin_memory()
    except RuntimeError as error:
        assert "accelerator" in str(error)
    else:
        assert pinned.is_pinned() and np.array_equal(pinned.numpy(), x.numpy())
