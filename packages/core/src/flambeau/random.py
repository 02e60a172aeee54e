"""Random numbers: PyTorch's CPU generator (MT19937) and its ways to make numbers of bits, so that a seed gives PyTorch's numbers."""
from __future__ import annotations

import math
import os
from _thread import _local as local
from contextlib import contextmanager

import numpy as np

from . import front
from .device import CPU, device
from .tensor import plain

_device = device  # the parameters below are called device, too

DEFAULT_SEED = 67280421310721
FEW = 256  # words below which the shorter call counts for more than the quicker loop
LOW_24, STEP_24, LOW_53 = np.uint32((1 << 24) - 1), np.float32(2.0**-24), np.uint64((1 << 53) - 1)


class Generator:
    """A stream of random bits.

    >>> g = flambeau.Generator().manual_seed(1)
    >>> flambeau.rand(2, generator=g)
    tensor([0.7576, 0.2793])
    """

    def __init__(self, device: device | str = CPU):
        self.device = _device(device)
        if self.device.type != "cpu":
            raise RuntimeError(f"a Generator lives on the CPU, got device {self.device}")
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Begin the stream of `seed` (64 bits; negative ones count from 2⁶⁴).  ValueError out of that range."""
        seed = int(seed)
        if not -(1 << 63) <= seed < 1 << 64:
            raise ValueError(f"Overflow when unpacking long long: expected a seed of 64 bits, got {seed}")
        self._seed = seed % (1 << 64)
        self._bits = np.random.MT19937()
        self._bits._legacy_seeding(self._seed & 0xFFFFFFFF)
        self._numbers = np.random.Generator(self._bits)  # its full-range integers are the bare words, and quicker than random_raw
        self._normal: float | None = None
        return self

    def seed(self) -> int:
        """Begin a stream of an unforeseeable seed, and tell it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        return self._seed

    def get_state(self):
        """The stream's place, as a uint8 tensor that `set_state` takes."""
        state = self._bits.state["state"]
        words = np.empty(624 + 4, np.uint64)
        words[:624], words[624] = state["key"], state["pos"]
        words[625], words[626] = self._seed, self._normal is not None
        words[627:].view(np.float64)[0] = self._normal or 0.0
        return plain(words.view(np.uint8).copy())

    def set_state(self, state) -> Generator:
        """Go to a place that `get_state` told.  RuntimeError for anything else."""
        raw = state.numpy()
        if raw.dtype != np.uint8 or raw.size != 628 * 8:
            raise RuntimeError(f"expected a generator state of {628 * 8} uint8 values, got {raw.size} of {raw.dtype}")
        words = raw.copy().view(np.uint64)
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": words[:624].astype(np.uint32), "pos": int(words[624])}}
        self._seed = int(words[625])
        self._normal = float(words[627:].view(np.float64)[0]) if words[626] else None
        return self

    def clone_state(self) -> Generator:
        return Generator().set_state(self.get_state())

    # ---- bits to numbers
    def words(self, n: int) -> np.ndarray:
        """n words of 32 bits."""
        return self._bits.random_raw(n).astype(np.uint32) if n < FEW else self._numbers.integers(0, 1 << 32, n, dtype=np.uint32)

    def words64(self, n: int) -> np.ndarray:
        if n < FEW:
            words = self._bits.random_raw(2 * n)
            return words[::2] << 32 | words[1::2]
        return self._numbers.integers(0, (1 << 64) - 1, n, dtype=np.uint64, endpoint=True)

    def uniform(self, n: int, numpy_dtype) -> np.ndarray:
        """n numbers in [0, 1): 24 bits of a word for float32 and smaller, 53 bits of two for float64."""
        if numpy_dtype == np.float64:
            return (self.words64(n) & LOW_53) * 2.0**-53
        if front.module is not None and numpy_dtype == np.float32:
            return self.shaped((n,), False)
        words = self._bits.random_raw(n) if n < FEW else self.words(n)
        words &= LOW_24
        u = words.astype(np.float32)
        u *= STEP_24
        if numpy_dtype == np.float32:
            return u
        u = u.astype(numpy_dtype)
        u[u == 1] = 0  # a half rounds up to the open end, which PyTorch turns to the other
        return u

    def shaped(self, shape: tuple, normal: bool) -> np.ndarray:
        """float32 numbers in C, uniform ones or (16 and more) normal ones."""
        bits = self._bits
        with bits.lock:
            return (front.module.normal if normal else front.module.uniform)(bits.capsule, shape)

    def mask(self, shape: tuple, keep: float) -> np.ndarray:
        """1/keep with probability `keep`, else 0, in float32."""
        bits = self._bits
        if front.module is not None:
            with bits.lock:
                return front.module.mask(bits.capsule, shape, keep)
        kept = (self.uniform(math.prod(shape), np.float64) < keep).astype(np.float32)
        kept /= keep
        return kept.reshape(shape)

    def normal(self, n: int, numpy_dtype) -> np.ndarray:
        """n standard normal numbers."""
        out = self.normal_wide(n, numpy_dtype)
        return out if out.dtype == numpy_dtype else out.astype(numpy_dtype)

    def normal_wide(self, n: int, numpy_dtype, singly: bool = False) -> np.ndarray:
        """The same before they are rounded: in blocks of 16 by Box and Muller's method; by two where there are less than 16 or `singly`, as
        memory with gaps or in another order is filled.
        """
        if n < 16 or singly:
            return self._pairs(n, math if n < 16 or numpy_dtype == np.float64 else np)
        if front.module is not None and numpy_dtype == np.float32:
            return self.shaped((n,), True)
        wide = np.float64 if numpy_dtype == np.float64 else np.float32
        whole = n - n % 16
        u = self.uniform(whole if np.dtype(numpy_dtype).itemsize == 2 else n, wide)
        out = np.empty(n, wide)
        out[:whole] = _box_muller(u[:whole])
        if n % 16:  # the last 16 places are drawn anew; halves draw nothing for them before that
            out[n - 16:] = _box_muller(self.uniform(16, wide))
        return out

    def _pairs(self, n: int, functions) -> np.ndarray:
        """n normal numbers; the second of the last pair waits for the next call.  functions: math, the C library's, or NumPy's, faster."""
        found = np.empty(n + 2, np.float64)
        waiting = int(n > 0 and self._normal is not None)
        if waiting:
            found[0], self._normal = self._normal, None
        pairs = (n - waiting + 1) // 2
        u = self.uniform(2 * pairs, np.float64).reshape(pairs, 2)
        if functions is np:
            radius, angle = np.sqrt(-2.0 * np.log1p(-u[:, 1])), 2.0 * math.pi * u[:, 0]
            places = found[waiting:waiting + 2 * pairs].reshape(pairs, 2)
            places[:, 0], places[:, 1] = radius * np.cos(angle), radius * np.sin(angle)
        else:
            for i, (first, second) in enumerate(u.tolist()):
                radius, angle = math.sqrt(-2.0 * math.log1p(-second)), 2.0 * math.pi * first
                found[waiting + 2 * i], found[waiting + 2 * i + 1] = radius * math.cos(angle), radius * math.sin(angle)
        if waiting + 2 * pairs > n:
            self._normal = float(found[n])
        return found[:n]

    def below(self, n: int, low: int, high: int) -> np.ndarray:
        """n integers in [low, high)."""
        span = high - low
        if span == 1 << 64:
            return self.words64(n).view(np.int64)
        words = self.words64(n) if span >= 1 << 32 else self.words(n)
        return (words % words.dtype.type(span)).astype(np.int64) + low

    def permutation(self, n: int) -> np.ndarray:
        """0 … n-1 in random order (Fisher and Yates, from the front)."""
        order = list(range(n))
        if n > 1:
            jumps = (self.words(n - 1) % np.arange(n, 1, -1, dtype=np.uint32)).tolist()
            for i, jump in enumerate(jumps):
                j = i + jump
                order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)


def _box_muller(u: np.ndarray) -> np.ndarray:
    """Uniform numbers to normal ones in blocks of 16: eight radii, eight angles; cosines first, then sines."""
    blocks = u.reshape(-1, 2, 8)
    one = u.dtype.type(1)
    radius = np.sqrt(u.dtype.type(-2) * np.log(one - blocks[:, 0]))
    angle = u.dtype.type(2.0 * math.pi) * blocks[:, 1]
    out = np.empty_like(blocks)
    np.multiply(radius, np.cos(angle), out=out[:, 0])
    np.multiply(radius, np.sin(angle), out=out[:, 1])
    return out.reshape(-1)


class _Maps(local):
    """The vmaps that run in this thread, outermost first: random functions ask them whether places draw alike or apart."""

    levels: tuple = ()


maps = _Maps()

_default: Generator | None = None


def default_generator() -> Generator:
    """The generator that is used where none is given."""
    global _default
    if _default is None:
        _default = Generator()
    return _default


def manual_seed(seed: int) -> Generator:
    """Begin the default generator's stream of `seed`."""
    return default_generator().manual_seed(seed)


def seed() -> int:
    return default_generator().seed()


def initial_seed() -> int:
    return default_generator().initial_seed()


def get_rng_state():
    """The place of the default generator's stream."""
    return default_generator().get_state()


def set_rng_state(new_state) -> None:
    default_generator().set_state(new_state)


@contextmanager
def fork_rng(devices=None, enabled: bool = True, device_type: str = "cuda"):
    """A block, or a function, after which the default generator goes on as if there had been no block; enabled=False changes nothing.

    devices: GPUs whose streams PyTorch would keep as well. Here they draw from the same one. AssertionError for some without CuPy.

    >>> _ = flambeau.manual_seed(0)
    >>> with flambeau.random.fork_rng():
    ...     inside = flambeau.rand(2)
    >>> bool((flambeau.rand(2) == inside).all())
    True
    """
    if not enabled:
        yield
        return
    from .backends.cuda import is_built

    if devices and device_type == "cuda" and not is_built():
        raise AssertionError("fork_rng(devices=...): Flambeau runs without CUDA here, because CuPy is not installed; leave `devices` out")
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
