from __future__ import annotations

import gc
import os
import pickle
import threading

import ml_dtypes
import numpy as np
import pytest

import flambeau
from flambeau.multiprocessing import Channel
from flambeau.multiprocessing import channel as module


@pytest.fixture
def line():
    here, there = Channel.pair()
    yield here, there
    here.close()
    there.close()


@pytest.mark.parametrize("size", [0, 1, 100, 10_000, 1_000_000])
def test_messages_of_every_size(line, size):
    message = {"plain": [1, "ü", None], "array": np.arange(size, dtype=np.float32), "more": [np.ones((2, 3), bool)] * 2}
    line[0].send(message)
    got = line[1].receive()
    assert got["plain"] == message["plain"] and np.array_equal(got["array"], message["array"]) and got["more"][1].shape == (2, 3)
    assert got["array"].dtype == np.float32 and got["array"].flags.writeable


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, np.complex128, np.bool_, "S3", "datetime64[s]"])
def test_every_kind_of_array(line, dtype):
    array = np.ones((64, 65)).astype(dtype)
    for sent in (array, array.T, array[::2, ::3], array[:0]):
        line[0].send(sent)
        got = line[1].receive()
        assert got.dtype == sent.dtype and got.shape == sent.shape and np.array_equal(got, sent)


def test_tensors(line):
    line[0].send([flambeau.arange(1000.0), flambeau.ones(2, requires_grad=True)])
    big, small = line[1].receive()
    assert big.sum().item() == 499500 and small.requires_grad
    with pytest.raises(RuntimeError, match="leaf"):
        line[0].send(flambeau.ones(2, requires_grad=True) * 2)


def test_both_directions_in_order(line):
    for i in range(20):
        line[0].send(i)
        line[1].send(np.full(5000, i))
    assert [line[1].receive() for _ in range(20)] == list(range(20))
    assert [line[0].receive()[0] for _ in range(20)] == list(range(20))


def test_what_cannot_be_pickled_sends_nothing(line):
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError), match="<lambda>"):
        line[0].send(lambda: 1)
    line[0].send("next")
    assert line[1].receive() == "next"


def test_ends(line):
    here, there = line
    with pytest.raises(TimeoutError):
        here.receive(0.01)
    there.send(1)
    there.hang_up()
    assert here.receive(1) == 1
    with pytest.raises(EOFError, match="closed"):
        here.receive()
    with pytest.raises(ConnectionError):
        here.send(2)


def test_a_message_cut_in_the_middle(line):
    line[0].socket.sendall(module.HEADER.pack(1, 100, 0) + b"abc")
    line[0].hang_up()
    with pytest.raises(EOFError, match="in the middle"):
        line[1].receive()


def test_memory_goes_with_the_last_array(line):
    gc.collect()  # what tests before this one left to the collector
    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else None
    kept = []
    for _ in range(5):
        line[0].send([np.zeros(10_000), np.ones(10_000)])
        kept.append(line[1].receive()[1])
    assert len(module.mapped) >= 5 and all(a.sum() == 10_000 for a in kept)
    kept.clear()
    gc.collect()
    assert before is None or len(os.listdir("/proc/self/fd")) == before


def test_beyond_the_limit_messages_are_copied(line, monkeypatch):
    monkeypatch.setattr(module, "MAPPED_AT_MOST", 0)
    line[0].send(np.arange(100_000))
    got = line[1].receive()
    assert np.array_equal(got, np.arange(100_000)) and got.flags.writeable


def test_a_message_larger_than_the_sockets_buffer_needs_no_reader(line):
    line[0].send(np.zeros(3_000_000))  # only its descriptor goes through the socket
    assert line[1].receive().size == 3_000_000


def test_without_descriptor_passing_bytes_go_through_the_socket(line, monkeypatch):
    monkeypatch.setattr(module, "SHARES", False)
    sender = threading.Thread(target=line[0].send, args=(np.arange(100_000),))
    sender.start()
    assert np.array_equal(line[1].receive(), np.arange(100_000))
    sender.join()
