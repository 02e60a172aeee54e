"""Loading by worker processes: the same batches, nothing left behind, and clear ends."""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from multiprocessing import resource_tracker
from pathlib import Path
from pickle import PicklingError

import ml_dtypes
import numpy as np
import pytest

import flambeau
from flambeau.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/maps"), reason="the tests look into /proc")
TEN = range(10)


class Squares(Dataset):
    def __len__(self):
        return 10

    def __getitem__(self, i):
        return flambeau.full((3,), i * i), np.full(2, i, ml_dtypes.bfloat16), {"i": i, "name": f"n{i}"}


class Random(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return flambeau.randint(1000, (1,)).item(), random.randint(0, 1000), np.random.randint(1000)


class Split(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id, 11 if info.id else 24, info.num_workers))


class Fails(Dataset):
    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 4

    def __getitem__(self, i):
        if i == 1:
            raise self.error
        return i


class Does(Dataset):
    def __init__(self, what):
        self.what = what

    def __len__(self):
        return 8

    def __getitem__(self, i):
        self.what(i)
        return i


def lists(loader):
    return [batch.tolist() for batch in loader]


def processes():
    """Our children, dead ones that nobody waited for included."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return file.read().split()


def segments():
    """Named shared memory, but for that of processes which run beside this one: they take it away themselves."""
    found = {name for name in os.listdir("/dev/shm") if name.startswith("flambeau_")}
    return {name for name in found if (pid := int(name.split("_")[1])) == os.getpid() or not os.path.exists(f"/proc/{pid}")}


@pytest.fixture(autouse=True)
def nothing_is_left():
    resource_tracker.ensure_running()  # spawn starts this one, and keeps it for as long as Python runs
    gc.collect()
    before = len(os.listdir("/proc/self/fd")), set(processes()), segments()
    yield
    gc.collect()
    assert (len(os.listdir("/proc/self/fd")), set(processes()), segments()) == before


def equal(a, b):
    if isinstance(a, flambeau.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return all(map(equal, a, b)) if isinstance(a, list | tuple) and a and not isinstance(a[0], str) else a == b


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_same_batches_as_without_workers(method):
    alone = list(DataLoader(Squares(), 3))
    shared = list(DataLoader(Squares(), 3, num_workers=2, multiprocessing_context=method))
    assert len(shared) == 4 and equal(alone, shared) and shared[0][1].dtype == flambeau.bfloat16


def test_pytorchs_orders_and_seeds():
    flambeau.manual_seed(0)
    loader = DataLoader(TEN, batch_size=4, shuffle=True, num_workers=2, persistent_workers=True)
    assert lists(loader) == [[6, 7, 1, 4], [2, 0, 9, 8], [3, 5]] and lists(loader) == [[3, 5, 0, 6], [1, 2, 4, 9], [7, 8]]
    flambeau.manual_seed(5)
    drawn = [[c.tolist() for c in batch] for batch in DataLoader(Random(), batch_size=2, num_workers=2)]
    assert drawn == [[[557, 364], [996, 680], [612, 106]], [[238, 935], [752, 768], [834, 96]]]
    del loader


def test_streams():
    expected = [[0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9], [12, 14, 16], [18, 20, 22]]
    assert lists(DataLoader(Split(), 3, num_workers=2)) == expected
    loader = DataLoader(Split(), 3, num_workers=2, drop_last=True, persistent_workers=True)
    for _ in range(2):
        assert lists(loader) == [b for b in expected if len(b) == 3]
    assert sorted(DataLoader(Split(), None, num_workers=2)) == sorted([*range(0, 24, 2), *range(1, 11, 2)])


def test_persistent_workers_keep_their_processes_and_forget_an_abandoned_pass():
    loader = DataLoader(TEN, 2, num_workers=2, persistent_workers=True, prefetch_factor=3)
    first = iter(loader)
    pids = set(processes())
    assert next(first).tolist() == [0, 1]
    for _ in range(2):
        assert lists(loader) == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    assert set(processes()) == pids and iter(loader) is first


def test_a_pass_that_is_left_ends_its_workers():
    before = set(processes())
    for _batch in DataLoader(TEN, num_workers=2):
        assert set(processes()) > before
        break
    del _batch
    gc.collect()
    assert set(processes()) == before


def test_two_loaders_at_once():
    a, b = DataLoader(TEN, 5, num_workers=1), DataLoader(range(10, 20), 5, num_workers=1)
    assert [(x.tolist()[0], y.tolist()[0]) for x, y in zip(a, b)] == [(0, 10), (5, 15)]


def test_tensors_lie_in_shared_memory_and_may_be_written():
    (batch,) = DataLoader(TensorDataset(flambeau.ones(4, 1000)), 4, num_workers=1)
    owner = batch[0].array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    assert not owner.flags.owndata and not batch[0].array.flags.owndata
    batch[0].add_(1)
    assert batch[0].sum().item() == 8000
    with open("/proc/self/maps") as file:
        assert "memfd:flambeau" in file.read()
    del batch, owner


def test_batches_outlive_their_workers_and_hundreds_may_be_kept():
    kept = list(DataLoader(TensorDataset(flambeau.arange(600 * 512).reshape(600, 512)), 1, num_workers=2))
    assert all(batch[0][0, 0].item() == 512 * i for i, batch in enumerate(kept))
    assert len(os.listdir("/proc/self/fd")) < 400


def test_big_index_lists_and_batches_of_plain_values():
    numbers = range(50_000)
    loader = DataLoader(numbers, 20_000, num_workers=2, collate_fn=list, prefetch_factor=8)
    assert [len(b) for b in loader] == [20_000, 20_000, 10_000]
    assert sum(sum(b) for b in loader) == sum(numbers)


def test_any_order():
    def slow_at_first(i):
        if i < 2:
            time.sleep(0.3)

    got = lists(DataLoader(Does(slow_at_first), 2, num_workers=2, in_order=False))
    assert sorted(got) == [[0, 1], [2, 3], [4, 5], [6, 7]] and got[-1] != [6, 7]


def test_worker_info_and_init():
    def init(number):
        info = get_worker_info()
        assert (info.id, info.num_workers) == (number, 2) and len(info.dataset) == 8
        info.dataset.what = lambda i: None  # the worker's own copy

    assert get_worker_info() is None
    assert len(lists(DataLoader(Does(lambda i: 1 / 0), num_workers=2, worker_init_fn=init))) == 8


def test_seeds_of_workers_differ():
    seeds = [s for b in DataLoader(Does(lambda i: None), 4, num_workers=2, collate_fn=lambda b: [get_worker_info().seed]) for s in b]
    assert seeds[1] - seeds[0] == 1


class Two(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


@pytest.mark.parametrize("error", [ValueError("sample 1"), KeyError("sample 1"), Two("sample 1", 2), StopIteration("sample 1")])
def test_errors_come_back_with_the_workers_traceback(error):
    kind = type(error) if type(error) in (ValueError, KeyError) else RuntimeError
    iterator = iter(DataLoader(Fails(error), num_workers=2))
    assert next(iterator).tolist() == [0]
    with pytest.raises(kind) as caught:
        next(iterator)
    text = str(caught.value)
    assert f"Caught {type(error).__name__} in DataLoader worker process 1.\nOriginal Traceback" in text
    assert "sample 1" in text and "in __getitem__" in text
    assert [b.tolist() for b in iterator] == [[2], [3]]  # and the pass goes on


def test_errors_of_types_that_cannot_travel():
    class Local(Exception):
        pass

    iterator = iter(DataLoader(Fails(Local("sample 1")), num_workers=1))
    next(iterator)
    with pytest.raises(RuntimeError, match=r"Caught Local in DataLoader worker process 0[\s\S]*sample 1"):
        next(iterator)


def test_batches_that_cannot_travel():
    with pytest.raises((AttributeError, RuntimeError), match=r"in DataLoader worker process 0"):
        list(DataLoader(TEN, num_workers=1, collate_fn=lambda b: lambda: b))


def test_an_init_that_fails():
    def init(number):
        raise OSError(f"no data for {number}")

    with pytest.raises(OSError, match=r"Caught OSError in DataLoader worker process 0[\s\S]*no data for 0"):
        list(DataLoader(TEN, num_workers=1, worker_init_fn=init))


def test_errors_of_a_dataset_that_look_like_a_cut_line():
    with pytest.raises(ConnectionError, match="in DataLoader worker process 0"):
        list(DataLoader(Fails(ConnectionError("the database is gone")), num_workers=1))
    with pytest.raises(EOFError, match="in DataLoader worker process 0"):
        list(DataLoader(Fails(EOFError("short file")), num_workers=1))


def test_a_dataset_that_cannot_be_sent_to_a_spawned_worker():
    with pytest.raises((AttributeError, TypeError, PicklingError), match="<lambda>"):
        iter(DataLoader(Does(lambda i: None), num_workers=2, multiprocessing_context="spawn"))


def test_a_worker_that_is_killed():
    loader = DataLoader(Does(lambda i: os.kill(os.getpid(), signal.SIGKILL) if i == 2 else None), num_workers=2)
    iterator = iter(loader)
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly: it was killed by signal SIGKILL"):
        list(iterator)
    with pytest.raises(RuntimeError, match="workers are gone"):
        next(iterator)


def test_a_worker_that_exits():
    with pytest.raises(RuntimeError, match="exited unexpectedly: it ended with exit code 3"):
        list(DataLoader(Does(lambda i: os._exit(3)), num_workers=1))


def test_persistent_workers_are_replaced_after_a_death():
    loader = DataLoader(TEN, 5, num_workers=1, persistent_workers=True)
    lists(loader)
    os.kill(loader._iterator.workers[0][0].pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        lists(loader)
    assert lists(loader) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_timeout():
    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.2 seconds"):
        list(DataLoader(Does(lambda i: time.sleep(0.6)), num_workers=1, timeout=0.2))


SCRIPT = """
    import os, sys, time, warnings
    warnings.simplefilter("error")
    from flambeau.utils.data import DataLoader, Dataset
    class Slow(Dataset):
        def __len__(self): return 1000
        def __getitem__(self, i):
            time.sleep(0.02)
            return i
    if __name__ == "__main__":
        for i, batch in enumerate(DataLoader(Slow(), num_workers=2)):
            if i == 0: print("ready", os.getpid(), flush=True)
            {action}
"""


def program(tmp_path, action):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(SCRIPT).format(action=action))
    return subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def living(group):
    """The processes of a group, without those that are dead and wait for whoever is to note it."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, its_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(its_group) == group and state not in "ZX":
            yield stat.parent.name


def gone(group, seconds):
    """Whether every process of the group ends in time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not list(living(group)):
            return True
        time.sleep(0.02)
    return False


def test_ctrl_c_ends_everything_without_noise(tmp_path):
    with program(tmp_path, "pass") as process:
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
        _out, err = process.communicate(timeout=20)
    assert process.returncode != 0 and err.count("Traceback") == 1 and err.rstrip().endswith("KeyboardInterrupt")
    assert gone(process.pid, 10)


def test_workers_go_when_the_main_process_is_killed(tmp_path):
    with program(tmp_path, "time.sleep(0.01)") as process:
        process.stdout.readline()
        process.kill()
        process.communicate(timeout=20)
    assert gone(process.pid, 10)


@pytest.mark.parametrize("action", ["raise SystemExit(0)", "sys.exit()", "break"])
def test_leaving_in_the_middle_is_clean(tmp_path, action):
    with program(tmp_path, action) as process:
        _out, err = process.communicate(timeout=20)
    assert process.returncode == 0 and err == "" and gone(process.pid, 10)
