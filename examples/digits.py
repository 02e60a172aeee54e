"""Handwritten digits: a convolutional network learns 1,437 of them and reads 360 others, at least 98 % of them right.

    uv run examples/digits.py

Writes runs/digits/curves.png, mistakes.png and model.safetensors. The same seed gives the same numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
from tqdm import tqdm

import flambeau
import flambeau.nn.functional as F
from flambeau import Tensor, nn
from flambeau.optim import AdamW
from flambeau.utils.data import DataLoader
from flambeau_vision.datasets import Digits
from flambeau_vision.transforms import ToTensor

matplotlib.use("Agg")
import matplotlib.pyplot as plt


class Net(nn.Sequential):
    """Ten scores for a digit, one for each thing it may be.  (B, 1, 8, 8) -> (B, 10)"""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 32, kernel_size=3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),   # (B, 32, 8, 8)
            nn.Conv2d(32, 64, kernel_size=3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),  # (B, 64, 8, 8)
            nn.MaxPool2d(2),                                                             # (B, 64, 4, 4)
            nn.Conv2d(64, 64, kernel_size=3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),  # (B, 64, 4, 4)
            nn.MaxPool2d(2), nn.Flatten(),                                               # (B, 256)
            nn.Dropout(0.2), nn.Linear(256, 10),                                         # (B, 10)
        )  # fmt: skip


def train(net: Net, batches: DataLoader, held_out: DataLoader, epochs: int) -> dict[str, list[float]]:
    """Fit the network to the digits, and watch how it reads those that it does not learn from."""
    optimizer = AdamW(net.parameters(), lr=2e-3)
    curves: dict[str, list[float]] = {"loss": [], "held-out loss": [], "accuracy": [], "held-out accuracy": []}
    with tqdm(total=epochs * len(batches), unit="batch") as bar:
        for epoch in range(1, epochs + 1):
            net.train()
            loss_sum = right = seen = 0.0
            for pictures, digits in batches:
                scores = net(pictures)
                loss = F.cross_entropy(scores, digits)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

                loss_sum += loss.item() * len(digits)
                right += (scores.argmax(1) == digits).sum().item()
                seen += len(digits)
                bar.set_description(f"epoch {epoch}/{epochs}", refresh=False)
                bar.set_postfix(loss=f"{loss_sum / seen:.3f}", accuracy=f"{right / seen:.1%}", refresh=False)
                bar.update()

            scores, digits = read(net, held_out)
            curves["loss"].append(loss_sum / seen)
            curves["accuracy"].append(right / seen)
            curves["held-out loss"].append(F.cross_entropy(scores, digits).item())
            curves["held-out accuracy"].append((scores.argmax(1) == digits).float().mean().item())
    return curves


@flambeau.no_grad()
def read(net: Net, batches: DataLoader) -> tuple[Tensor, Tensor]:
    """What the network says to each digit, and what was meant.  -> (N, 10), (N,)"""
    net.eval()
    scores, digits = zip(*((net(pictures), digits) for pictures, digits in batches))
    return flambeau.cat(scores), flambeau.cat(digits)


def plot_curves(curves: dict[str, list[float]], path: Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for axis, what in zip(axes, ("loss", "accuracy")):
        for name, label, color in ((what, "learned from", "tab:orange"), (f"held-out {what}", "held out", "tab:blue")):
            axis.plot(range(1, len(curves[name]) + 1), curves[name], ".-", label=label, color=color)
        axis.set(title=what.capitalize(), xlabel="epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
        axis.legend(frameon=False)
    axes[0].set(yscale="log", ylabel="cross entropy (nats)")
    axes[1].set(ylabel="digits read right")
    axes[1].yaxis.set_major_formatter("{x:.0%}")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_mistakes(pictures: Tensor, scores: Tensor, digits: Tensor, path: Path) -> None:
    """The digits that were read wrong: what the network said and how sure it was, and what was meant."""
    sure, said = scores.softmax(1).max(1)
    wrong = (said != digits).nonzero().flatten().tolist()
    columns = min(max(len(wrong), 1), 6)
    rows = max(-(-len(wrong) // columns), 1)
    figure, axes = plt.subplots(rows, columns, figsize=(max(1.8 * columns, 4.5), 2.3 * rows + 0.5), squeeze=False, layout="constrained")
    figure.suptitle(f"{len(wrong)} of {len(digits)} held-out digits read wrong\n")
    for axis in axes.flat: axis.axis("off")
    for axis, i in zip(axes.flat, wrong):
        axis.imshow(pictures[i, 0].numpy(), cmap="gray_r", vmin=0, vmax=1, extent=(0, 8, 8, 0))
        axis.add_patch(plt.Rectangle((0, 0), 8, 8, fill=False, color="0.7", clip_on=False))
        axis.set_title(f"meant {digits[i].item()}, said {said[i].item()}\n({sure[i].item():.0%} sure)", fontsize=10)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/digits"))
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)

    flambeau.manual_seed(args.seed)
    batches = DataLoader(Digits(train=True, transform=ToTensor()), batch_size=64, shuffle=True)
    held_out = DataLoader(Digits(train=False, transform=ToTensor()), batch_size=360)
    net = Net()
    curves = train(net, batches, held_out, args.epochs)

    scores, digits = read(net, held_out)
    plot_curves(curves, args.out / "curves.png")
    plot_mistakes(next(iter(held_out))[0], scores, digits, args.out / "mistakes.png")
    flambeau.save(net.state_dict(), args.out / "model.safetensors")
    accuracy = curves["held-out accuracy"][-1]
    print(f"{accuracy:.2%} of {len(digits)} held-out digits read right; curves, mistakes and model are in {args.out}")
    return accuracy


if __name__ == "__main__":
    main()
