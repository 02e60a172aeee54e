"""A character GPT learns to write like Shakespeare, in about two minutes on two cores.

    uv run examples/char_gpt.py

Writes runs/char_gpt/curve.png, sample.txt and model.safetensors, and prints the sample. The same seed gives the same sample.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from tqdm import tqdm

import flambeau
from flambeau import Tensor
from flambeau_text import CharTokenizer
from flambeau_text.datasets import TinyShakespeare
from flambeau_text.models import GPT, GPTConfig

ROOT = Path(__file__).resolve().parents[1]


def parse(argv: list[str] | None) -> argparse.Namespace:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder that holds tinyshakespeare/input.txt(.gz)")
    p.add_argument("--out", type=Path, default=Path("runs/char_gpt"))
    p.add_argument("--steps", type=int, default=2000)
    p.add_argument("--batch", type=int, default=12)
    p.add_argument("--context", type=int, default=64, help="characters that the model sees")
    p.add_argument("--layers", type=int, default=4)
    p.add_argument("--heads", type=int, default=4)
    p.add_argument("--width", type=int, default=128)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--sample", type=int, default=600, help="characters to write at the end")
    p.add_argument("--seed", type=int, default=1337)
    return p.parse_args(argv)


def batch(ids: Tensor, size: int, context: int) -> tuple[Tensor, Tensor]:
    """Random stretches of the text, and the same one character on.  -> (size, context), (size, context)"""
    starts = flambeau.randint(len(ids) - context, (size, 1))
    places = starts + flambeau.arange(context)  # (size, context)
    return ids[places], ids[places + 1]


@flambeau.no_grad()
def validate(model: GPT, ids: Tensor, args: argparse.Namespace) -> float:
    """Mean loss over evenly spaced stretches of the text, the same each time."""
    starts = flambeau.linspace(0, len(ids) - args.context - 1, 128).long()[:, None]
    places = starts + flambeau.arange(args.context)
    model.eval()
    _, loss = model(ids[places], ids[places + 1])
    model.train()
    return loss.item()


def learning_rate(step: int, args: argparse.Namespace) -> float:
    """Up in a straight line for the first twentieth of the steps, then down along a cosine to a tenth."""
    warmup = max(args.steps // 20, 1)
    if step < warmup:
        return args.lr * (step + 1) / warmup
    return args.lr * (0.55 + 0.45 * math.cos(math.pi * (step - warmup) / max(args.steps - warmup, 1)))


def train(model: GPT, train_ids: Tensor, val_ids: Tensor, args: argparse.Namespace) -> dict[str, list[tuple[int, float]]]:
    """Both losses by step."""
    decayed = [p for p in model.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim != 2]
    optimizer = flambeau.optim.AdamW([{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], betas=(0.9, 0.99))
    history: dict[str, list[tuple[int, float]]] = {"train": [], "validation": []}
    progress = tqdm(range(args.steps), desc="training", unit="step")
    for step in progress:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args)
        _, loss = model(*batch(train_ids, args.batch, args.context))
        optimizer.zero_grad()
        loss.backward()
        flambeau.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        history["train"].append((step + 1, loss.item()))
        if (step + 1) % max(args.steps // 20, 25) == 0 or step in (0, args.steps - 1):
            history["validation"].append((step + 1, validate(model, val_ids, args)))
        progress.set_postfix(train=f"{history['train'][-1][1]:.3f}", val=f"{history['validation'][-1][1]:.3f}", refresh=False)
    return history


def draw(history: dict[str, list[tuple[int, float]]], path: Path) -> None:
    """The two losses as curves, the noisy one of training with its running mean."""
    steps, losses = zip(*history["train"])
    span = max(len(losses) // 40, 1)
    mean = [sum(losses[max(i - span + 1, 0) : i + 1]) / min(i + 1, span) for i in range(len(losses))]
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.plot(steps, losses, color="C0", alpha=0.25, linewidth=0.7)
    axes.plot(steps, mean, color="C0", label=f"training, mean of {span}" if span > 1 else "training")
    axes.plot(*zip(*history["validation"]), color="C1", marker="o", markersize=3, label="validation")
    axes.set(xlabel="step", ylabel="cross-entropy a character (nats)", title="A character GPT on tiny Shakespeare")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(argv: list[str] | None = None) -> dict[str, list[tuple[int, float]]]:
    args = parse(argv)
    try:
        train_text, val_text = TinyShakespeare(args.data, "train").text, TinyShakespeare(args.data, "val").text
    except FileNotFoundError as error:
        raise SystemExit(f"{error}\nor say by --data where it lies") from error
    args.out.mkdir(parents=True, exist_ok=True)

    flambeau.manual_seed(args.seed)
    chars = CharTokenizer.train(train_text + val_text)
    train_ids, val_ids = (flambeau.tensor(chars.encode(text)) for text in (train_text, val_text))
    sizes = {"n_layer": args.layers, "n_head": args.heads, "n_embd": args.width}
    model = GPT(GPTConfig(block_size=args.context, vocab_size=len(chars), bias=False, **sizes))
    print(f"{model.num_parameters():,} parameters, {len(train_ids):,} characters to learn from, {len(chars)} different ones")

    start = time.perf_counter()
    history = train(model, train_ids, val_ids, args)
    seconds = time.perf_counter() - start
    print(f"{seconds:.0f} s, {seconds / args.steps * 1000:.1f} ms a step; validation loss {history['validation'][-1][1]:.3f}")

    model.eval()
    ids = model.generate(flambeau.tensor([chars.encode("\n")]), args.sample, temperature=0.8, top_k=200)
    sample = chars.decode(ids[0].tolist()).strip("\n")
    print(f"\n{sample}\n")
    draw(history, args.out / "curve.png")
    (args.out / "sample.txt").write_text(sample + "\n", encoding="utf-8")
    flambeau.save(model.state_dict(), args.out / "model.safetensors")
    print(f"wrote {args.out}/curve.png, sample.txt, model.safetensors")
    return history


if __name__ == "__main__":
    main()
