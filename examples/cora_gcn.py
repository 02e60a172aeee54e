"""Papers sorted into their fields by their words and citations: a graph network learns 140 labels and says 1,000 others, over 80 % right.

    uv run examples/cora_gcn.py

Writes runs/cora_gcn/curves.png, papers.png (how the network sees all papers) and model.safetensors. The same seed gives the same numbers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib
import numpy as np
from tqdm import tqdm

import flambeau
import flambeau.nn.functional as F
from flambeau import Tensor, nn
from flambeau.optim import Adam
from flambeau_geometric.data import Data
from flambeau_geometric.datasets import Planetoid
from flambeau_geometric.nn import GCNConv
from flambeau_geometric.transforms import NormalizeFeatures

matplotlib.use("Agg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
FIELDS = (
    "theory", "reinforcement learning", "genetic algorithms", "neural networks", "probabilistic methods", "case-based", "rule learning",
)  # fmt: skip


class GCN(nn.Module):
    """Two graph convolutions: what a paper's neighbours' neighbours hold reaches it.  (N, words), (2, E) -> (N, fields)"""

    def __init__(self, words: int, fields: int, width: int = 16) -> None:
        super().__init__()
        self.conv1 = GCNConv(words, width, cached=True)
        self.conv2 = GCNConv(width, fields, cached=True)

    def embed(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self.conv1(x, edge_index).relu()  # (N, width)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        hidden = F.dropout(self.embed(x, edge_index), 0.5, self.training)
        return self.conv2(hidden, edge_index)  # (N, fields)


def train(model: GCN, data: Data, epochs: int) -> dict[str, list[float]]:
    """Fit the model to the papers of train_mask; it ends as it was when it did best on those of val_mask."""
    groups = [{"params": model.conv1.parameters(), "weight_decay": 5e-4}, {"params": model.conv2.parameters()}]
    optimizer = Adam(groups, lr=0.01)
    curves: dict[str, list[float]] = {"loss": [], "train": [], "val": [], "test": []}
    best = -1.0
    with tqdm(range(epochs), unit="epoch") as bar:
        for _ in bar:
            model.train()
            scores = model(data.x, data.edge_index)
            loss = F.cross_entropy(scores[data.train_mask], data.y[data.train_mask])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

            curves["loss"].append(loss.item())
            for part, share in accuracies(model, data).items():
                curves[part].append(share)
            if curves["val"][-1] > best:
                best, kept = curves["val"][-1], {key: value.clone() for key, value in model.state_dict().items()}
            bar.set_postfix(loss=f"{curves['loss'][-1]:.3f}", val=f"{curves['val'][-1]:.1%}", refresh=False)
    model.load_state_dict(kept)
    return curves


@flambeau.no_grad()
def accuracies(model: GCN, data: Data) -> dict[str, float]:
    """The share of papers put in the right field, in each part of the split."""
    model.eval()
    right = (model(data.x, data.edge_index).argmax(1) == data.y).float()
    return {part: right[data[f"{part}_mask"]].mean().item() for part in ("train", "val", "test")}


def plot_curves(curves: dict[str, list[float]], path: Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    axes[0].plot(curves["loss"], color="tab:orange")
    axes[0].set(title="Loss on the 140 labels", xlabel="epoch", ylabel="cross entropy (nats)")
    for part, color in (("train", "tab:orange"), ("val", "tab:green"), ("test", "tab:blue")):
        axes[1].plot(curves[part], label=part, color=color)
    axes[1].axvline(int(np.argmax(curves["val"])), color="0.6", linestyle=":", label="kept")
    axes[1].set(title="Papers put in the right field", xlabel="epoch")
    axes[1].yaxis.set_major_formatter("{x:.0%}")
    axes[1].legend(frameon=False)
    for axis in axes: axis.grid(alpha=0.3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


@flambeau.no_grad()
def plot_papers(model: GCN, data: Data, path: Path) -> None:
    """The directions of all papers' hidden features on their first two principal axes, coloured by field."""
    hidden = model.eval().embed(data.x, data.edge_index)  # (N, width)
    directions = F.normalize(hidden, dim=1).numpy()
    centred = directions - directions.mean(0)
    _, _, axes_of_spread = np.linalg.svd(centred, full_matrices=False)
    flat = centred @ axes_of_spread[:2].T  # (N, 2)
    figure, axis = plt.subplots(figsize=(7, 5.5), layout="constrained")
    for field, name in enumerate(FIELDS):
        chosen = (data.y == field).numpy()
        axis.scatter(*flat[chosen].T, s=6, alpha=0.6, label=name, color=f"C{field}")
    axis.set(title="Cora's papers as the network sees them", xlabel="first principal axis", ylabel="second")
    axis.legend(frameon=False, markerscale=3, fontsize=9)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv: list[str] | None = None) -> float:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "planetoid", help="folder with ind.cora.*")
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/cora_gcn"))
    args = parser.parse_args(argv)
    try:
        dataset = Planetoid(args.data, "Cora", transform=NormalizeFeatures())
    except FileNotFoundError as error:
        raise SystemExit(f"{error}\nor say by --data where they lie") from error
    args.out.mkdir(parents=True, exist_ok=True)

    flambeau.manual_seed(args.seed)
    data = dataset[0]
    model = GCN(dataset.num_features, dataset.num_classes)
    curves = train(model, data, args.epochs)

    plot_curves(curves, args.out / "curves.png")
    plot_papers(model, data, args.out / "papers.png")
    flambeau.save(model.state_dict(), args.out / "model.safetensors")
    accuracy = accuracies(model, data)["test"]
    print(f"{accuracy:.1%} of {int(data.test_mask.sum())} papers put in the right field; curves, papers and model are in {args.out}")
    return accuracy


if __name__ == "__main__":
    main()
