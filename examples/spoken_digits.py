"""Spoken digits told apart by their mel spectrograms: at least 90 % of the held-out recordings right, in under a minute.

    uv run examples/spoken_digits.py

Learns from 600 recordings of six speakers and is tested on 300 others (FSDD's own split: takes 0 to 4 of each). Writes
runs/spoken_digits/curves.png, confusion.png and model.safetensors. The same seed gives the same numbers.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from tqdm import tqdm

import flambeau
from flambeau import Tensor, nn
from flambeau.utils.data import DataLoader, TensorDataset
from flambeau_audio.datasets import FSDD
from flambeau_audio.transforms import FrequencyMasking, MelSpectrogram, TimeMasking

ROOT = Path(__file__).resolve().parents[1]
RATE, SAMPLES = 8000, 8000  # Hz; one second of sound: digits take about half a one


def parse(argv: list[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "fsdd.tar", help="the recordings' folder, or a tar of it")
    p.add_argument("--out", type=Path, default=Path("runs/spoken_digits"))
    p.add_argument("--epochs", type=int, default=25)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--width", type=int, default=64, help="channels of the network")
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--recordings", type=int, default=None, help="use only so many of each split (for a quick try)")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=1, help="for batches this small one is quicker than two that wait for each other")
    return p.parse_args(argv)


class LogMel(nn.Module):
    """Loudness by pitch and time, each recording with mean 0 and variance 1.  (N, time) -> (N, 40, frames)"""

    def __init__(self) -> None:
        super().__init__()
        self.mel = MelSpectrogram(RATE, n_fft=512, win_length=256, hop_length=160, n_mels=40, f_min=50.0)

    def forward(self, waveform: Tensor) -> Tensor:
        loudness = (self.mel(waveform) + 1e-6).log()  # (N, 40, frames)
        loudness = loudness - loudness.mean((1, 2), keepdim=True)
        return loudness / loudness.std((1, 2), keepdim=True)


def network(width: int) -> nn.Sequential:
    """Convolutions over time, the pitches as channels; the mean over time is what was said.  (N, 40, frames) -> (N, 10)"""

    def block(old: int, new: int) -> list[nn.Module]:
        return [nn.Conv1d(old, new, 5, padding=2, bias=False), nn.BatchNorm1d(new), nn.ReLU()]

    return nn.Sequential(
        *block(40, width),  # (N, width, frames)
        nn.MaxPool1d(2),
        *block(width, width),  # (N, width, frames / 2)
        nn.MaxPool1d(2),
        *block(width, width),  # (N, width, frames / 4)
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(width, 10),
    )


def spectra(recordings: FSDD, count: int | None) -> TensorDataset:
    """All recordings of a split, evenly thinned to `count`, as features (N, 40, frames) and digits (N,)."""
    n = min(count or len(recordings), len(recordings))
    chosen = [i * len(recordings) // n for i in range(n)]
    waveforms, digits = flambeau.zeros(n, SAMPLES), []
    for row, i in enumerate(chosen):
        waveform, _, digit, _, _ = recordings[i]
        heard = waveform[0, :SAMPLES]
        waveforms[row, : len(heard)] = heard
        digits.append(digit)
    with flambeau.no_grad():
        return TensorDataset(LogMel()(waveforms), flambeau.tensor(digits))


def train(model: nn.Module, examples: TensorDataset, held_out: TensorDataset, args: argparse.Namespace) -> list[tuple[float, float, float]]:
    """-> for each epoch: mean loss, accuracy in training, accuracy on the held-out recordings"""
    batches = DataLoader(examples, batch_size=args.batch, shuffle=True)
    optimizer = flambeau.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
    schedule = flambeau.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, total_steps=args.epochs * len(batches))
    disturb = nn.Sequential(FrequencyMasking(8, iid_masks=True), TimeMasking(8, iid_masks=True))
    history = []
    progress = tqdm(total=args.epochs * len(batches), desc="training", unit="batch")
    for epoch in range(args.epochs):
        model.train()
        total = right = seen = 0.0
        for features, digits in batches:
            logits = model(disturb(features))
            loss = nn.functional.cross_entropy(logits, digits)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            seen += len(digits)
            total += loss.item() * len(digits)
            right += (logits.argmax(1) == digits).sum().item()
            progress.update()
            progress.set_postfix(epoch=epoch + 1, loss=f"{total / seen:.3f}", accuracy=f"{right / seen:.1%}", refresh=False)
        history.append((total / seen, right / seen, accuracy(confusion(model, held_out))))
    progress.close()
    return history


@flambeau.no_grad()
def confusion(model: nn.Module, examples: TensorDataset) -> list[list[int]]:
    """How often each digit (row) was taken for each digit (column)."""
    model.eval()
    counts = [[0] * 10 for _ in range(10)]
    for features, digits in DataLoader(examples, batch_size=100):
        for spoken, heard in zip(digits.tolist(), model(features).argmax(1).tolist()):
            counts[spoken][heard] += 1
    return counts


def accuracy(counts: list[list[int]]) -> float:
    return sum(counts[i][i] for i in range(10)) / sum(map(sum, counts))


def draw_curves(history: list[tuple[float, float, float]], path: Path) -> None:
    losses, learnt, held_out = zip(*history)
    epochs = range(1, len(history) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.plot(epochs, losses)
    left.set(xlabel="epoch", ylabel="cross-entropy", title="loss in training", yscale="log")
    right.plot(epochs, [100 * share for share in learnt], label="in training, with masks")
    right.plot(epochs, [100 * share for share in held_out], label="held-out recordings")
    right.axhline(90, color="grey", linewidth=0.8, linestyle=":")
    right.set(xlabel="epoch", ylabel="right, %", title="spoken digits told apart", ylim=(0, 101))
    right.legend(loc="lower right")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def draw_confusion(counts: list[list[int]], path: Path) -> None:
    figure, axes = plt.subplots(figsize=(5.6, 5), layout="constrained")
    image = axes.imshow([[n / max(sum(row), 1) for n in row] for row in counts], cmap="Blues", vmin=0, vmax=1)
    for spoken, row in enumerate(counts):
        for heard, n in enumerate(row):
            if n:
                axes.text(heard, spoken, str(n), ha="center", va="center", color="white" if n > sum(row) / 2 else "black")
    axes.set_xticks(range(10))
    axes.set_yticks(range(10))
    axes.set(xlabel="heard", ylabel="spoken", title=f"held-out recordings: {accuracy(counts):.1%} right")
    figure.colorbar(image, label="share of the digit", shrink=0.8)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv: list[str] | None = None) -> dict[str, float]:
    args = parse(argv)
    try:
        splits = FSDD(args.data, "train"), FSDD(args.data, "test")
    except RuntimeError as error:
        raise SystemExit(f"{error}\n(--data says where it lies)") from error
    args.out.mkdir(parents=True, exist_ok=True)

    start = time.perf_counter()
    flambeau.set_num_threads(args.threads)
    flambeau.manual_seed(args.seed)
    examples, held_out = (spectra(split, args.recordings) for split in splits)
    model = network(args.width)
    print(f"{len(examples)} recordings to learn from, {len(held_out)} held out, {sum(p.numel() for p in model.parameters()):,} weights")
    history = train(model, examples, held_out, args)
    counts = confusion(model, held_out)
    print(f"{time.perf_counter() - start:.0f} s; {accuracy(counts):.1%} of the held-out recordings right")

    draw_curves(history, args.out / "curves.png")
    draw_confusion(counts, args.out / "confusion.png")
    flambeau.save(model.state_dict(), args.out / "model.safetensors")
    print(f"wrote {args.out}/curves.png, confusion.png, model.safetensors")
    return {"accuracy": accuracy(counts), "first_loss": history[0][0], "last_loss": history[-1][0]}


if __name__ == "__main__":
    main()
