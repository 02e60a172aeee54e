"""Pictures in folders, one folder a class: a ResNet-18 learns to tell them apart.

    uv run examples/images.py                         # CIFAR-10 as JPEGs, beside the repository
    uv run examples/images.py --data my/pictures      # my/pictures/{train,test}/<class>/*.jpg

Writes runs/images/curves.png, guesses.png and model.safetensors. The same seed gives the same numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
from tqdm import tqdm

import flambeau
import flambeau.nn.functional as F
from flambeau import Tensor
from flambeau.optim import AdamW
from flambeau.utils.data import DataLoader, Subset
from flambeau.utils.download import extract
from flambeau_vision.datasets import ImageFolder
from flambeau_vision.models import ResNet, resnet18
from flambeau_vision.transforms import CenterCrop, Compose, Normalize, RandomCrop, RandomHorizontalFlip, Resize, ToTensor
from flambeau_vision.utils import make_grid

matplotlib.use("Agg")
import matplotlib.pyplot as plt

CIFAR = Path(__file__).resolve().parents[2] / "shared" / "data" / "cifar10_jpg.tar"
MEAN, STD = (0.49, 0.48, 0.45), (0.25, 0.24, 0.26)  # of CIFAR-10's pixels, by channel


def find_pictures(data: Path | None, out: Path) -> Path:
    """The folder with train/ and test/: your own, or CIFAR-10 unpacked from its archive."""
    if data is not None: return data
    if not CIFAR.is_file():
        raise SystemExit(f"no pictures: expected {CIFAR}, or --data with a folder of train/<class>/*.jpg and test/<class>/*.jpg")
    extract(CIFAR, out)
    return out / "cifar10_jpg"


def loader(folder: Path, size: int, count: int, train: bool) -> DataLoader:
    """Batches of (B, 3, size, size) pictures and their classes; the training pictures shifted and mirrored at random."""
    change = [RandomCrop(size, padding=size // 8), RandomHorizontalFlip()] if train else [CenterCrop(size)]
    pictures = ImageFolder(folder, transform=Compose([Resize(size), *change, ToTensor(), Normalize(MEAN, STD)]))
    count = min(count, len(pictures))
    return DataLoader(Subset(pictures, [i * len(pictures) // count for i in range(count)]), batch_size=50, shuffle=train)


def train_epoch(net: ResNet, batches: DataLoader, optimizer: AdamW, bar: tqdm) -> float:
    net.train()
    loss_sum = seen = 0.0
    for pictures, classes in batches:
        loss = F.cross_entropy(net(pictures), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(classes)
        seen += len(classes)
        bar.set_postfix(loss=f"{loss_sum / seen:.3f}", refresh=False)
        bar.update()
    return loss_sum / seen


@flambeau.no_grad()
def guess(net: ResNet, batches: DataLoader) -> tuple[Tensor, Tensor]:
    """What the network says to each picture, and what it is.  -> (N, classes), (N,)"""
    net.eval()
    scores, classes = zip(*((net(pictures), classes) for pictures, classes in batches))
    return flambeau.cat(scores), flambeau.cat(classes)


def plot_curves(losses: list[float], accuracies: list[float], chance: float, path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    epochs = range(1, len(losses) + 1)
    left.plot(epochs, losses, ".-", color="tab:orange")
    left.set(title="Training loss", xlabel="epoch", ylabel="cross entropy (nats)")
    right.plot(epochs, accuracies, ".-", color="tab:blue", label="held out")
    right.axhline(chance, color="0.6", linestyle="--", label="chance")
    right.set(title="Accuracy", xlabel="epoch", ylabel="pictures told right", ylim=(0, None))
    right.yaxis.set_major_formatter("{x:.0%}")
    right.legend(frameon=False)
    for axis in (left, right):
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def plot_guesses(batches: DataLoader, scores: Tensor, names: list[str], path: Path) -> None:
    """Two held-out pictures of each class, with what the network says of them; green where it is right."""
    chosen = [i for i, _ in sorted(enumerate(c for _, c in batches.dataset), key=lambda pair: pair[1])]
    chosen = chosen[:: max(len(chosen) // 20, 1)][:20]
    figure, axes = plt.subplots(2, 10, figsize=(13, 3.6), layout="constrained")
    figure.suptitle("What the network says of held-out pictures")
    for axis in axes.flat: axis.axis("off")
    for axis, i in zip(axes.T.flat, chosen):
        picture, truth = batches.dataset[i]
        said = int(scores[i].argmax())
        axis.imshow(make_grid(picture, normalize=True).permute(1, 2, 0).numpy())
        axis.set_title(names[said], fontsize=10, color="tab:green" if said == truth else "tab:red")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=None, help="a folder of train/<class>/*.jpg and test/<class>/*.jpg")
    parser.add_argument("--size", type=int, default=32, help="pixels a side")
    parser.add_argument("--count", type=int, default=1000, help="use only so many pictures of each part, evenly from all classes")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/images"))
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)

    flambeau.manual_seed(args.seed)
    folder = find_pictures(args.data, args.out)
    names = ImageFolder(folder / "train").classes
    batches, held_out = loader(folder / "train", args.size, args.count, True), loader(folder / "test", args.size, args.count, False)
    net = resnet18(num_classes=len(names))
    optimizer = AdamW(net.parameters(), lr=1e-3)

    losses, accuracies = [], []
    with tqdm(total=args.epochs * len(batches), unit="batch") as bar:
        for epoch in range(1, args.epochs + 1):
            bar.set_description(f"epoch {epoch}/{args.epochs}", refresh=False)
            losses.append(train_epoch(net, batches, optimizer, bar))
            scores, classes = guess(net, held_out)
            accuracies.append((scores.argmax(1) == classes).float().mean().item())

    plot_curves(losses, accuracies, 1 / len(names), args.out / "curves.png")
    plot_guesses(held_out, scores, names, args.out / "guesses.png")
    flambeau.save(net.state_dict(), args.out / "model.safetensors")
    print(f"{accuracies[-1]:.1%} of {len(classes)} held-out pictures told right; curves, guesses and model are in {args.out}")
    return accuracies[-1]


if __name__ == "__main__":
    main()
