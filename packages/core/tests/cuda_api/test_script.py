"""A training script as PyTorch's users write them, run unchanged: only its first line says `flambeau`."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

SCRIPT = '''
import flambeau as torch
import flambeau.nn as nn
from flambeau.backends import cudnn
from flambeau.nn.attention import SDPBackend, sdpa_kernel

seed = 0
torch.manual_seed(seed)
if torch.cuda.is_available():
    torch.cuda.manual_seed_all(seed)
    torch.cuda.set_device(0)
cudnn.benchmark = False
cudnn.deterministic = True
torch.backends.cuda.matmul.allow_tf32 = True
torch.backends.cudnn.allow_tf32 = True

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
if torch.backends.mps.is_available():
    device = torch.device("mps")
workers = torch.cuda.device_count() or 1
use_amp = device.type == "cuda"
if use_amp:
    print(torch.cuda.get_device_name(0), torch.cuda.get_device_properties(0).total_memory // 2**20, "MiB")
    torch.cuda.reset_peak_memory_stats()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.into, self.out = nn.Linear(6, 16), nn.Linear(16, 3)

    def forward(self, x):
        h = torch.relu(self.into(x)).view(-1, 1, 4, 4)
        with sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]):
            h = nn.functional.scaled_dot_product_attention(h, h, h)
        return self.out(h.flatten(1))


model = Net().to(device)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
scaler = torch.amp.GradScaler("cuda", enabled=use_amp)
x, y = torch.randn(30, 6), torch.arange(30) % 3
x[:, 0] += y * 2
losses = []
for epoch in range(30):
    x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast(device_type=device.type, enabled=use_amp):
        loss = nn.functional.cross_entropy(model(x), y)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    losses.append(loss.item())
if device.type == "cuda":
    torch.cuda.synchronize()
torch.cuda.empty_cache()
memory = torch.cuda.max_memory_allocated() / 2**20
state = {"rng": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all()}
torch.set_rng_state(state["rng"])
torch.cuda.set_rng_state_all(state["cuda"])
'''


def run_script() -> dict:
    from flambeau.backends import cudnn, flags

    before, word = cudnn.set_flags(), flags.shortened()
    names: dict = {}
    try:
        exec(SCRIPT, names)  # noqa: S102 (the script above)
    finally:
        cudnn.set_flags(*before)
        flags.shorten(word)
    return names


# PyTorch 2.13's CPU build, the same script with torch's names
LOSSES = [1.1326186656951904, 0.943847119808197, 0.6779484152793884]


@pytest.mark.skipif(find_spec("cupy") is not None, reason="the losses are the CPU's")
def test_a_training_script_runs_and_gives_pytorchs_losses():
    names = run_script()
    assert names["memory"] == 0 and names["state"]["cuda"] == [] and str(names["device"]) == "cpu"
    assert names["losses"][::10] == pytest.approx(LOSSES, rel=1e-4)


@pytest.mark.gpu
def test_the_script_runs_on_a_gpu():
    pytest.importorskip("cupy", reason="needs CuPy and a GPU")
    names = run_script()
    assert names["memory"] > 0 and len(names["state"]["cuda"]) >= 1 and names["losses"][-1] < names["losses"][0]
