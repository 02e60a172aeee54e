"""Without CuPy: what PyTorch 2.13's CPU build gives for the same expressions, printed there and kept in without_gpu.txt."""

from __future__ import annotations

import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import pytest

import flambeau
import flambeau.nn.attention
from flambeau.backends import flags

ROWS = [line.split("\t") for line in Path(__file__).with_name("without_gpu.txt").read_text().splitlines()]
pytestmark = pytest.mark.skipif(find_spec("cupy") is not None, reason="CuPy is here: test_gpu.py is for that")


def outcome(expression: str) -> str:
    """'!' and the exception's type, the value of what is plain, or the type's name."""
    def plain(value):
        return value is None or type(value) in (bool, int, str, float) or (type(value) in (tuple, list) and all(map(plain, value)))

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = eval(expression, {"flambeau": flambeau})  # noqa: S307 (our own table)
    except Exception as error:
        return f"!{type(error).__name__}"
    return repr(value) if plain(value) else type(value).__name__


@pytest.fixture(scope="module")
def answers():
    """Each row in the file's order in an interpreter of its own: switches that rows set, and blocks they enter, stay there."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_without_gpu import ROWS, outcome\n"
        "for expression, _ in ROWS: print(outcome(expression))"
    )
    done = subprocess.run([sys.executable, "-c", program, str(Path(__file__).parent)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(ROWS)
    return lines


def test_everything_is_as_in_pytorch(answers):
    wrong = [f"{expression}: {want} there, {got} here" for (expression, want), got in zip(ROWS, answers, strict=True) if got != want]
    assert len(ROWS) > 240 and not wrong, "\n".join(wrong)


def test_messages_say_what_to_do():
    for call in (flambeau.cuda.synchronize, flambeau.cuda.current_device, flambeau.cuda.get_device_name):
        with pytest.raises(AssertionError, match=r"pip install 'flambeau\[cuda\]'"):
            call()
    with pytest.raises(AssertionError, match=r"xpu\.is_available"):
        flambeau.xpu.synchronize()
    with pytest.raises(RuntimeError, match=r"mps\.is_available"):
        flambeau.mps.synchronize()


def test_import_loads_none_of_it():
    program = (
        "import sys, flambeau; "
        "print([m for m in sys.modules if m.startswith(('flambeau.cuda', 'flambeau.mps', 'flambeau.backends.cu', 'cupy'))])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: flambeau.cuda.amp.autocast(enabled=False), "flambeau.amp.autocast"),
        (lambda: flambeau.cuda.amp.GradScaler(enabled=False), "flambeau.amp.GradScaler"),
        (lambda: flambeau.cuda.amp.custom_fwd(cast_inputs=flambeau.float16), "device_type='cuda'"),
        (lambda: flambeau.cuda.amp.custom_bwd(lambda ctx: None), "device_type='cuda'"),
        (lambda: flambeau.cpu.amp.autocast(), "flambeau.amp.autocast"),
        (lambda: flambeau.cpu.amp.GradScaler(), "flambeau.amp.GradScaler"),
        (flambeau.cuda.memory_cached, "memory_reserved"),
        (lambda: flambeau.backends.cuda.sdp_kernel().__enter__(), "sdpa_kernel"),
    ],
)
def test_old_names_warn(call, text):
    before = dict(flags.attention.allowed)
    with pytest.warns(FutureWarning, match=text):
        call()
    flags.attention.set(**before)


def test_old_autocast_says_that_there_is_no_gpu_and_casts_nothing():
    a = flambeau.ones(2, 2)
    with pytest.warns(FutureWarning), pytest.warns(UserWarning, match="CUDA is not available"), flambeau.cuda.amp.autocast():
        assert (a @ a).dtype is flambeau.float32 and not flambeau.is_autocast_enabled()


def test_seeds_of_gpus_leave_the_cpu_alone():
    flambeau.manual_seed(3)
    first = flambeau.rand(4)
    flambeau.manual_seed(3)
    flambeau.cuda.manual_seed_all(7)
    flambeau.cuda.seed()
    flambeau.cuda.set_rng_state(flambeau.Generator().get_state())
    assert flambeau.equal(flambeau.rand(4), first)


def test_fork_rng_goes_on_as_before():
    flambeau.manual_seed(3)
    with flambeau.random.fork_rng():
        flambeau.manual_seed(9)
        flambeau.rand(5)
    after = flambeau.rand(2)
    with pytest.raises(ZeroDivisionError), flambeau.random.fork_rng():
        raise ZeroDivisionError
    flambeau.manual_seed(3)
    with flambeau.random.fork_rng(enabled=False):
        assert flambeau.equal(flambeau.rand(2), after)


def test_streams_of_the_cpu_nest():
    first, outer = flambeau.cpu.current_stream(), flambeau.cpu.Stream()
    with flambeau.cpu.stream(outer):
        with flambeau.cpu.stream(None):
            assert flambeau.cpu.current_stream() is outer
        with flambeau.cpu.stream(flambeau.cpu.Stream()):
            assert flambeau.cpu.current_stream() is not outer
        assert flambeau.cpu.current_stream() is outer
    assert flambeau.cpu.current_stream() is first


def test_nvtx_counts_and_closes_what_is_open():
    nvtx = flambeau.cuda.nvtx
    with pytest.raises(ZeroDivisionError), nvtx.range("step {}", 1):
        assert nvtx.range_push("inner") == 1 and nvtx.range_pop() == 1
        raise ZeroDivisionError
    assert nvtx.range_pop() == -1
