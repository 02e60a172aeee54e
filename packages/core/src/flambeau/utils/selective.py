"""Selective checkpoints: a policy says, op by op, what is kept and what is computed again."""
from __future__ import annotations

from enum import Enum
from threading import get_ident
from typing import Any

from .. import context
from ..dispatch import run_any, wrap
from ..op import CARDS, Card
from ..tensor import Tensor, version_cell


class CheckpointPolicy(Enum):
    """What becomes of an op's result: kept (SAVE), or computed again.  The MUST and PREFER forms do the same here."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3


_SAVE = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE)


class SelectiveCheckpointContext:
    """What a policy is told besides the op: whether this is the second time."""

    def __init__(self, *, is_recompute: bool, op_output: Any = None):
        self.is_recompute, self.op_output = is_recompute, op_output


def _card_of(op) -> Card:
    card = op if isinstance(op, Card) else getattr(op, "card", None) or CARDS.get(getattr(op, "__name__", op))
    if card is None:
        raise ValueError(f"expected ops in the list (flambeau.matmul), got {op!r}")
    return card


class _Mode:
    """Sees every op of the thread that entered it."""

    again: bool
    settle: Any

    def __init__(self, policy, kept: dict, mutation: bool):
        self.policy, self.kept, self.mutation = policy, kept, mutation

    def __enter__(self):
        self.thread, self.inside = get_ident(), False
        context.push_mode(self)
        return self

    def __exit__(self, *_exc):
        context.pop_mode(self)

    def before(self, card, inputs, attrs):
        return inputs, attrs

    def instead(self, card, inputs, attrs):
        if self.inside or get_ident() != self.thread:
            return None
        recording = context.grad.enabled and any(isinstance(x, Tensor) and x.node is not None for x in inputs)
        if (recording and card.vjp is None and card.kind == "composite") or card.kind == "view":
            return None  # its steps come by one by one; a view costs nothing
        self.inside = True
        try:
            policy = self.policy(SelectiveCheckpointContext(is_recompute=self.again), card, *inputs, **attrs)
            if isinstance(policy, bool):
                policy = CheckpointPolicy.MUST_SAVE if policy else CheckpointPolicy.PREFER_RECOMPUTE
            return self.settle(card, inputs, attrs, recording) if policy in _SAVE else None
        finally:
            self.inside = False


class _First(_Mode):
    again = False

    def settle(self, card, inputs, attrs, recording):
        result = run_any(card, inputs, attrs)
        outs = result if isinstance(result, tuple) else (result,)
        self.kept.setdefault(card.name, []).append([(y.array, version_cell(y), version_cell(y)[0]) for y in outs])
        return result


class _Again(_Mode):
    again = True

    def __enter__(self):
        self.taken: dict[str, int] = {}
        return super().__enter__()

    def settle(self, card, inputs, attrs, recording):
        i = self.taken.get(card.name, 0)
        self.taken[card.name] = i + 1
        rows = self.kept.get(card.name, ())
        if i >= len(rows):
            raise RuntimeError(f"{card.name} was met for the {i + 1}. time while computing again, but it ran {len(rows)} times in forward: "
                               "the function must take the same way each time")
        for _, cell, version in rows[i]:
            if not self.mutation and cell[0] != version:
                raise RuntimeError("Tensor cached during selective activation checkpoint has been mutated: pass "
                                   "allow_cache_entry_mutation=True if that is meant")
        arrays = tuple(a for a, _, _ in rows[i])
        return wrap(card, arrays if len(arrays) > 1 or card.outputs > 1 else arrays[0], inputs, attrs, recording and card.vjp is not None)


def create_selective_checkpoint_contexts(policy_fn_or_list, allow_cache_entry_mutation: bool = False):
    """The two contexts for `checkpoint(..., context_fn=...)`.

    policy_fn_or_list  a list of ops whose results are kept, or `policy(ctx, op, *args, **kwargs) -> CheckpointPolicy`, `op` a card

    >>> from functools import partial
    >>> keep_products = partial(flambeau.utils.checkpoint.create_selective_checkpoint_contexts, [flambeau.matmul])
    """
    if isinstance(policy_fn_or_list, list):
        cards = {_card_of(op) for op in policy_fn_or_list}

        def policy(ctx, card, *args, **kwargs):
            return CheckpointPolicy.MUST_SAVE if card in cards else CheckpointPolicy.PREFER_RECOMPUTE
    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    kept: dict = {}
    return _First(policy, kept, allow_cache_entry_mutation), _Again(policy, kept, allow_cache_entry_mutation)
