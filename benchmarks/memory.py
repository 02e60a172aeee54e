"""Peak memory of forward and backward of a transformer beside PyTorch's, each in a process of its own.

    python benchmarks/memory.py

12 encoder layers, training mode, activations that outweigh the weights. Reported is how far a process's peak resident memory rises above
what it holds with the model and its gradients made. Exits with 1 where Flambeau's is more than 1.1 times PyTorch's.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

from timing import machine

LIMIT = 1.1
LAYERS, WIDTH, HEADS, BATCH, LENGTH = 12, 128, 4, 8, 256


def resident() -> int:
    """Bytes that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class Watch:
    """The highest `resident` during a `with`, looked at every millisecond."""

    def __enter__(self) -> Watch:
        self.highest, self.running = resident(), True
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()
        return self

    def _look(self) -> None:
        while self.running:
            self.highest = max(self.highest, resident())
            time.sleep(0.001)

    def __exit__(self, *_exc: object) -> None:
        self.running = False
        self.thread.join()


def measure(name: str, dropout: float) -> dict[str, float]:
    library = importlib.import_module(name)
    nn = importlib.import_module(f"{name}.nn")
    if name == "torch":
        library.set_num_threads(1)
    library.manual_seed(0)
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 4 * WIDTH, dropout=dropout, batch_first=True)
    model = nn.TransformerEncoder(layer, LAYERS, **({"enable_nested_tensor": False} if name == "torch" else {}))
    small = library.randn(1, 8, WIDTH)
    model(small).sum().backward()  # kernels are built, gradients and pools are there
    x = library.randn(BATCH, LENGTH, WIDTH)
    gc.collect()
    before = resident()
    with Watch() as watch:
        start = time.perf_counter()
        loss = (model(x) ** 2).mean()
        kept = resident()
        loss.backward()
        seconds = time.perf_counter() - start
    return {"kept": kept - before, "peak": watch.highest - before, "seconds": seconds}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dropout", type=float, default=0.0, help="with dropout the weights of attention are kept, here and there")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one, options.dropout)))
        return 0
    print(machine("numpy", "flambeau", "torch"))
    print(f"{LAYERS} layers of width {WIDTH}, {HEADS} heads, batch {BATCH} of length {LENGTH}\n")
    found = {}
    for name in ("flambeau", "torch"):
        if importlib.util.find_spec(name):
            program = [sys.executable, __file__, "--one", name, "--dropout", str(options.dropout)]
            found[name] = json.loads(subprocess.run(program, check=True, capture_output=True, text=True).stdout.splitlines()[-1])
            row = found[name]
            print(f"{name:10} after forward {row['kept'] / 2**20:8.1f} MiB, peak {row['peak'] / 2**20:8.1f} MiB, {row['seconds']:.2f} s")
    if len(found) < 2:
        return 0
    ratio = found["flambeau"]["peak"] / found["torch"]["peak"]
    print(f"ratio of peaks {ratio:.2f}")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
