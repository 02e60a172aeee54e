"""CUDA C as text: its shape, and that NVIDIA's compiler takes it where there is one."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flambeau.kernels import lower_all
from flambeau.kernels.cuda import cuda_source

spec = importlib.util.spec_from_file_location("cuda_kernel_bodies", Path(__file__).with_name("bodies.py"))
bodies = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = bodies
spec.loader.exec_module(bodies)
WITHOUT_FOLDS = {name: case for name, case in bodies.CASES.items() if name != "layer_norm_backward"}


def source(name):
    case = bodies.CASES[name]
    (program,) = lower_all(case.body, case.signature, [bodies.dtypes(case, "f4")])
    return cuda_source(program, name)


def test_a_row_program_gives_each_row_a_block():
    text = source("softmax")
    assert 'extern "C" __global__ void softmax(int64_t rows, int64_t n, const float *in0_rows' in text
    assert "for (int64_t row = blockIdx.x; row < rows; row += gridDim.x)" in text
    assert "r0 = block_max<float>(r0, (-INFINITY));" in text
    assert text.count("r2 = block_sum<float>(r2, 0x0.0p+0f);") == 1


def test_an_elementwise_program_strides_over_the_grid():
    text = source("gelu_tanh")
    assert "j += gridDim.x * (int64_t)blockDim.x" in text
    assert "rows" not in text.split("__global__")[1]


def test_values_of_a_row_are_stored_by_one_thread():
    assert "if (threadIdx.x == 0) out1[0] =" in source("layer_norm")


def test_sums_over_rows_are_refused():
    with pytest.raises(NotImplementedError, match="layer_norm_backward sums over its rows"):
        source("layer_norm_backward")


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHOUT_FOLDS)
def test_nvcc_compiles_it(name, tmp_path):
    if shutil.which("nvcc") is None:
        pytest.skip("nvcc is not on the PATH")
    file = tmp_path / "kernel.cu"
    file.write_text(source(name))
    command = ["nvcc", "-cubin", "-arch=sm_90", str(file), "-o", str(tmp_path / "kernel.cubin")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
