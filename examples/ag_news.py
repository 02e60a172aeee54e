"""A classifier of news articles, trained on half of AG_NEWS's test file and tested on the other half: at least 84 % right, in seconds.

    uv run examples/ag_news.py

Writes runs/ag_news/confusion.png, model.safetensors and vocab.json. The same seed gives the same numbers.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from tqdm import tqdm

import flambeau
from flambeau import Tensor, nn
from flambeau.utils.data import DataLoader, Subset, random_split
from flambeau_text import basic_english, build_vocab_from_iterator
from flambeau_text.datasets import AG_NEWS
from flambeau_text.models import TextClassifier
from flambeau_text.transforms import Sequential, ToTensor, Truncate, VocabTransform

ROOT = Path(__file__).resolve().parents[1]


def parse(argv: list[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder that holds ag_news/test.csv(.gz)")
    p.add_argument("--out", type=Path, default=Path("runs/ag_news"))
    p.add_argument("--epochs", type=int, default=20)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--width", type=int, default=64, help="numbers a word vector")
    p.add_argument("--lr", type=float, default=1e-2)
    p.add_argument("--articles", type=int, default=None, help="use only so many (for a quick try)")
    p.add_argument("--seed", type=int, default=0)
    return p.parse_args(argv)


def loader(news: Subset, steps: Sequential, size: int, shuffle: bool = False) -> DataLoader:
    """Batches of (ids (N, L), labels (N,) from 0)."""

    def collate(pairs: list[tuple[int, str]]) -> tuple[Tensor, Tensor]:
        labels, texts = zip(*pairs)
        return steps([basic_english(text) for text in texts]), flambeau.tensor(labels) - 1

    return DataLoader(news, batch_size=size, shuffle=shuffle, collate_fn=collate)


def train(model: TextClassifier, batches: DataLoader, args: argparse.Namespace) -> list[float]:
    """The mean loss of each epoch."""
    optimizer = flambeau.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.01)
    schedule = flambeau.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    losses = []
    progress = tqdm(total=args.epochs * len(batches), desc="training", unit="batch")
    for epoch in range(args.epochs):
        total = right = seen = 0.0
        for ids, labels in batches:
            logits = model(ids)
            loss = nn.functional.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(labels)
            total += loss.item() * len(labels)
            right += (logits.argmax(1) == labels).sum().item()
            progress.update()
            progress.set_postfix(epoch=epoch + 1, loss=f"{total / seen:.3f}", accuracy=f"{right / seen:.1%}", refresh=False)
        schedule.step()
        losses.append(total / seen)
    progress.close()
    return losses


@flambeau.no_grad()
def confusion(model: TextClassifier, batches: DataLoader) -> list[list[int]]:
    """How often each class (row) was called each class (column)."""
    model.eval()
    counts = [[0] * 4 for _ in range(4)]
    for ids, labels in batches:
        for meant, said in zip(labels.tolist(), model(ids).argmax(1).tolist()):
            counts[meant][said] += 1
    return counts


def draw(counts: list[list[int]], accuracy: float, path: Path) -> None:
    """The confusion matrix, shaded by the share of each row."""
    shares = [[n / max(sum(row), 1) for n in row] for row in counts]
    figure, axes = plt.subplots(figsize=(5.2, 4.6), layout="constrained")
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, row in enumerate(counts):
        for j, n in enumerate(row):
            axes.text(j, i, f"{n}\n{shares[i][j]:.1%}", ha="center", va="center", color="white" if shares[i][j] > 0.5 else "black")
    axes.set_xticks(range(4), AG_NEWS.classes)
    axes.set_yticks(range(4), AG_NEWS.classes)
    axes.set(xlabel="said", ylabel="meant", title=f"AG_NEWS, held-out articles: {accuracy:.1%} right")
    figure.colorbar(image, label="share of the class", shrink=0.8)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv: list[str] | None = None) -> dict[str, float]:
    args = parse(argv)
    try:
        news = AG_NEWS(args.data, "test")
    except FileNotFoundError as error:
        raise SystemExit(f"{error}\nor say by --data where it lies") from error
    args.out.mkdir(parents=True, exist_ok=True)

    flambeau.manual_seed(args.seed)
    n = min(args.articles or len(news), len(news))
    chosen = Subset(news, random.Random(args.seed).sample(range(len(news)), n))
    learnt, held_out = random_split(chosen, [n - n // 2, n // 2])
    vocab = build_vocab_from_iterator((basic_english(text) for _, text in learnt), min_freq=2, specials=["<pad>", "<unk>"])
    vocab.set_default_index(vocab["<unk>"])
    steps = Sequential(VocabTransform(vocab), Truncate(200), ToTensor(padding_value=vocab["<pad>"]))
    model = TextClassifier(len(vocab), len(AG_NEWS.classes), args.width, padding_idx=vocab["<pad>"], dropout=0.3)
    print(f"{len(learnt):,} articles to learn from, {len(held_out):,} held out, {len(vocab):,} words")

    start = time.perf_counter()
    losses = train(model, loader(learnt, steps, args.batch, shuffle=True), args)
    counts = confusion(model, loader(held_out, steps, 256))
    accuracy = sum(counts[i][i] for i in range(4)) / len(held_out)
    print(f"{time.perf_counter() - start:.0f} s; {accuracy:.2%} of the held-out articles right")

    draw(counts, accuracy, args.out / "confusion.png")
    flambeau.save(model.state_dict(), args.out / "model.safetensors")
    vocab.save(args.out / "vocab.json")
    print(f"wrote {args.out}/confusion.png, model.safetensors, vocab.json")
    return {"accuracy": accuracy, "first_loss": losses[0], "last_loss": losses[-1]}


if __name__ == "__main__":
    main()
