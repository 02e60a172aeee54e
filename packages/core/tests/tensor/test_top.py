"""Functions that `flambeau.*` offers with signatures of its own: top.txt holds what PyTorch 2.13 printed for each."""
from __future__ import annotations

import doctest
import warnings
from pathlib import Path

import pytest

import flambeau


def test_table_that_pytorch_printed():
    text = Path(__file__).with_name("top.txt").read_text().replace("torch.", "flambeau.")
    table = doctest.DocTestParser().get_doctest(text, {"flambeau": flambeau}, "top.txt", "top.txt", 0)
    assert len(table.examples) >= 70
    report: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # range is deprecated
        doctest.DocTestRunner(verbose=False, optionflags=doctest.NORMALIZE_WHITESPACE).run(table, out=report.append)
    assert not report, "".join(report)


@pytest.mark.parametrize("error, call", [
    (TypeError, lambda: flambeau.numel(3)),
    (TypeError, lambda: flambeau.is_complex([1.0])),
    (RuntimeError, lambda: flambeau.vander(flambeau.ones(2, 2))),
    (RuntimeError, lambda: flambeau.vander(flambeau.ones(2), -1)),
    (RuntimeError, lambda: flambeau.nonzero_static(flambeau.ones(2), size=-1)),
    (RuntimeError, lambda: flambeau.slice_copy(flambeau.ones(3), 0, 0, 2, 0)),
    (RuntimeError, lambda: flambeau.range(1, 3, -1)),
    (ValueError, lambda: flambeau.kl_div(flambeau.ones(2), flambeau.ones(2), 5)),
    (ValueError, lambda: flambeau.ones(2).type("flambeau.NoTensor")),
    (TypeError, lambda: flambeau.LongTensor(flambeau.ones(2))),
    (RuntimeError, lambda: flambeau.feature_dropout(flambeau.ones(2), 0.5, True)),
    (RuntimeError, lambda: flambeau.cond(flambeau.ones(2) > 0, abs, abs, (1,))),
    (RuntimeError, lambda: flambeau.set_float32_matmul_precision("low")),
    (RuntimeError, lambda: flambeau.set_deterministic_debug_mode("loud")),
    (TypeError, lambda: flambeau.set_default_tensor_type("flambeau.LongTensor")),
    (RuntimeError, lambda: flambeau.set_num_interop_threads(0)),
])  # fmt: skip
def test_bad_arguments(error, call):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with pytest.raises(error):
            call()


def test_settings_are_kept():
    try:
        flambeau.set_deterministic_debug_mode("warn")
        assert flambeau.get_deterministic_debug_mode() == 1 and flambeau.is_deterministic_algorithms_warn_only_enabled()
        flambeau.set_float32_matmul_precision("high")
        assert flambeau.get_float32_matmul_precision() == "high"
        flambeau.set_default_tensor_type(flambeau.DoubleTensor)
        assert flambeau.ones(1).dtype is flambeau.float64
        flambeau.set_anomaly_enabled(True)
        assert flambeau.is_anomaly_enabled() and flambeau.is_anomaly_check_nan_enabled()
    finally:
        flambeau.set_deterministic_debug_mode(0)
        flambeau.set_float32_matmul_precision("highest")
        flambeau.set_default_tensor_type("flambeau.FloatTensor")
        flambeau.set_anomaly_enabled(False)
    assert flambeau.default_generator.initial_seed() == flambeau.initial_seed()


def test_a_tensor_over_a_file(tmp_path):
    path = str(tmp_path / "numbers")
    shared = flambeau.from_file(path, shared=True, size=4)
    shared.copy_(flambeau.arange(4.0))
    del shared
    again = flambeau.from_file(path, size=4)
    assert again.tolist() == [0.0, 1.0, 2.0, 3.0]
    again.zero_()
    assert flambeau.from_file(path, size=2).tolist() == [0.0, 1.0]
    with pytest.raises(RuntimeError, match="unable to mmap"):
        flambeau.from_file(path, size=100)


def test_recurrent_layers_reach_their_weights():
    weights = [flambeau.randn(8, 3).requires_grad_(), flambeau.randn(8, 2).requires_grad_()]
    out, _, _ = flambeau.lstm(flambeau.randn(4, 1, 3), (flambeau.zeros(1, 1, 2),) * 2, weights, False, 1, 0.0, True, False, False)
    out.sum().backward()
    assert weights[0].grad is not None and weights[1].grad.abs().sum() > 0
    with pytest.raises(RuntimeError, match="expects 4 weights"):
        flambeau.lstm(flambeau.randn(4, 1, 3), (flambeau.zeros(1, 1, 2),) * 2, weights, True, 1, 0.0, True, False, False)
