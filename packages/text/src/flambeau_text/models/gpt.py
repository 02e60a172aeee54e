"""A small GPT: a decoder-only transformer, with the parameter names of GPT-2."""

from __future__ import annotations

import math
from dataclasses import dataclass

import flambeau
from flambeau import Tensor, nn
from flambeau.nn import functional as F


@dataclass(frozen=True)
class GPTConfig:
    """The size of a GPT; the defaults are GPT-2's smallest.

    block_size: the longest context. n_embd must be a multiple of n_head. bias: whether linear layers and layer norms add one.
    """

    block_size: int = 1024
    vocab_size: int = 50257
    n_layer: int = 12
    n_head: int = 12
    n_embd: int = 768
    dropout: float = 0.0
    bias: bool = True

    def __post_init__(self) -> None:
        for name in ("block_size", "vocab_size", "n_layer", "n_head", "n_embd"):
            if getattr(self, name) < 1:
                raise ValueError(f"expected {name} of 1 or more, got {getattr(self, name)}")
        if self.n_embd % self.n_head:
            raise ValueError(f"expected n_embd to be a multiple of n_head = {self.n_head}, got {self.n_embd}")


class CausalSelfAttention(nn.Module):
    """Each position looks at itself and those before it.  (B, T, C) -> (B, T, C)"""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.n_head, self.dropout = config.n_head, config.dropout
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.resid_dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        q, k, v = (
            part.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)  # (B, nh, T, hs)
            for part in self.c_attn(x).split(C, dim=2)  # (B, T, 3 C) -> 3 × (B, T, C)
        )
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0, is_causal=True)  # (B, nh, T, hs)
        y = y.transpose(1, 2).reshape(B, T, C)  # heads side by side again
        return self.resid_dropout(self.c_proj(y))


class MLP(nn.Module):
    """Each position for itself, through four times the width.  (B, T, C) -> (B, T, C)"""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias)
        self.gelu = nn.GELU(approximate="tanh")
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(self.c_proj(self.gelu(self.c_fc(x))))  # (B, T, 4 C) inside


class Block(nn.Module):
    """Attention, then MLP, each on a normalized copy and added to the stream.  (B, T, C) -> (B, T, C)"""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.attn = CausalSelfAttention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, bias=config.bias)
        self.mlp = MLP(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """Predicts the next token at each position.  (B, T) ids -> (B, T, vocab_size) logits

    The embedding of tokens and the last layer share one weight.
    Raises ValueError when T is more than config.block_size.
    Source: Radford et al. (2019), "Language models are unsupervised multitask learners".

    >>> model = GPT(GPTConfig(block_size=8, vocab_size=10, n_layer=1, n_head=2, n_embd=4))
    >>> logits, loss = model(flambeau.zeros(3, 8, dtype=flambeau.int64))
    >>> logits.shape, loss
    (flambeau.Size([3, 8, 10]), None)
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(config.vocab_size, config.n_embd),
                "wpe": nn.Embedding(config.block_size, config.n_embd),
                "drop": nn.Dropout(config.dropout),
                "h": nn.ModuleList(Block(config) for _ in range(config.n_layer)),
                "ln_f": nn.LayerNorm(config.n_embd, bias=config.bias),
            }
        )
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.lm_head.weight = self.transformer["wte"].weight
        for name, parameter in self.named_parameters():
            if name.endswith("c_proj.weight"):  # 2 n_layer of them add to the stream: their sum should have the others' scale
                nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * config.n_layer))
            elif parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, ids: Tensor, targets: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Logits, and the mean cross-entropy to `targets` (B, T) if they are given; a target of -1 does not count."""
        B, T = ids.shape
        if self.config.block_size < T:
            raise ValueError(f"expected at most block_size = {self.config.block_size} tokens, got {T}; crop the context")
        body = self.transformer
        x = body["wte"](ids) + body["wpe"](flambeau.arange(T, device=ids.device))  # (B, T, C) + (T, C)
        x = body["drop"](x)
        for block in body["h"].children():
            x = block(x)
        logits = self.lm_head(body["ln_f"](x))  # (B, T, vocab_size)
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(B * T, -1), targets.reshape(B * T), ignore_index=-1)

    @flambeau.no_grad()
    def generate(
        self,
        ids: Tensor,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        generator: flambeau.Generator | None = None,
    ) -> Tensor:
        """Each row of `ids` continued by sampling.  (B, T) -> (B, T + max_new_tokens)

        temperature: below 1 the likely becomes likelier; 0 always takes the likeliest. top_k: only the k likeliest are drawn from.
        The model looks at the last block_size tokens. It is in whatever mode it is in: call eval() first.
        """
        if temperature < 0 or (top_k is not None and top_k < 1):
            raise ValueError(f"expected a temperature of 0 or more and top_k of 1 or more, got {temperature} and {top_k}")
        for _ in range(max_new_tokens):
            logits, _ = self(ids[:, -self.config.block_size :])
            logits = logits[:, -1]  # (B, vocab_size)
            if temperature == 0:
                chosen = logits.argmax(-1, keepdim=True)
            else:
                logits = logits / temperature
                if top_k is not None:
                    least = logits.topk(min(top_k, logits.size(-1)))[0][:, -1:]  # (B, 1)
                    logits = logits.masked_fill(logits < least, -math.inf)
                chosen = flambeau.multinomial(F.softmax(logits, dim=-1), 1, generator=generator)  # (B, 1)
            ids = flambeau.cat((ids, chosen), dim=1)
        return ids

    def num_parameters(self) -> int:
        """How many numbers are learnt; the shared weight counts once."""
        return sum(parameter.numel() for parameter in self.parameters())
