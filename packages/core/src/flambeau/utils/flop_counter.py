"""How many floating-point operations a block of code does, by op and by module: products of matrices, convolutions, attention."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any
from warnings import warn

from flambeau import Tensor, context, nn
from flambeau.dispatch import run_watched
from flambeau.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from flambeau.profiler.flops import COUNTED
from flambeau.profiler.names import event_name

__all__ = ["FlopCounterMode", "register_flop_formula"]

Formula = Callable[..., int]
_registered: dict[str, Formula] = {}  # card's name -> formula(inputs, attrs, out)

# What PyTorch's own ops would do for a card of ours; the others have the name of the event.
PRODUCTS = {"einsum_of": "bmm", **dict.fromkeys(("lstm_layer", "gru_layer", "rnn_layer"), "addmm"),
            **dict.fromkeys(("lstm_layer_backward", "gru_layer_backward", "rnn_layer_backward"), "mm")}  # fmt: skip


class FlopCounterMode:
    """Counts the floating-point operations of the block, forward and backward: two for each product that is added up.

    depth: how deep the table goes into modules. display: print the table at the end. custom_mapping: formulas for more ops, as
    `register_flop_formula` takes them, that hold here alone. Ops that do no products (additions, activations, norms) count nothing.

    >>> from flambeau.utils.flop_counter import FlopCounterMode
    >>> net = flambeau.nn.Sequential(flambeau.nn.Linear(10, 20), flambeau.nn.ReLU(), flambeau.nn.Linear(20, 5))
    >>> with FlopCounterMode(display=False) as counter:
    ...     _ = net(flambeau.ones(8, 10))
    >>> counter.get_total_flops(), counter.get_flop_counts()["Sequential.2"]
    (4800, {'aten.addmm': 1600})
    """

    def __init__(self, mods: Any = None, depth: int | None = 2, display: bool = True,
                 custom_mapping: dict[Any, Formula] | None = None) -> None:  # fmt: skip
        if mods is not None:
            warn("mods argument is not needed anymore, you can stop passing it", stacklevel=2)
        self.depth, self.display = depth, display
        own = {_card_name(target): _formula(function, False) for target, function in (custom_mapping or {}).items()}
        self.formulas = {**COUNTED, **_registered, **own}
        self.flop_counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))

    def __enter__(self) -> FlopCounterMode:
        self.flop_counts.clear()
        self._counting = _Counting(self)
        context.push_mode(self._counting)
        return self

    def __exit__(self, *_error: Any) -> None:
        context.pop_mode(self._counting)
        self._counting.close()
        if self.display:
            print(self.get_table(self.depth))

    def get_total_flops(self) -> int:
        return sum(self.flop_counts["Global"].values())

    def get_flop_counts(self) -> dict[str, dict[str, int]]:
        """Module -> {op: how many}; "Global" is all, "Sequential.2" what the module at `2` of a Sequential did."""
        return {name: dict(counts) for name, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """A row for each module down to `depth`, and one for each op in it."""
        depth = self.depth if depth is None else depth
        whole = self.get_total_flops()
        power = max(0, min(4, (len(str(whole)) - 2) // 3))
        sums = {name: sum(counts.values()) for name, counts in self.flop_counts.items() if counts}
        names = sorted(name for name in sums if name != "Global" and (depth is None or name.count(".") < depth))
        if "Global" in sums and not any(sums[name] >= whole for name in names):
            names.insert(0, "Global")
        rows = []
        for name in names:
            indent = " " * (name.count(".") + (names[0] == "Global" != name))
            counts = [(indent + name, sums[name])] + [(f"{indent} - {op}", n) for op, n in self.flop_counts[name].items()]
            unit = " KMBT"[power].strip()
            rows += [(title, f"{n / 1000**power:.3f}{unit}", f"{n / whole:.2%}" if whole else "0%") for title, n in counts]
        return _table([("Module", "FLOP", "% Total"), *(rows or [("Global", "0", "0%")])])


def register_flop_formula(targets: Any, get_raw: bool = False) -> Callable[[Formula], Formula]:
    """A decorator: the function counts the operations of `targets`, functions that are one op or names of cards, from now on.

    It is called with the inputs, tensors as their shapes, then the op's other arguments by name and out_shape=;
    with get_raw=True with the inputs themselves and out_val=.

    >>> from flambeau.utils.flop_counter import FlopCounterMode, register_flop_formula
    >>> def count(x_shape, *, out_shape, **attrs):
    ...     return 10 * x_shape.numel()
    >>> with FlopCounterMode(display=False, custom_mapping={flambeau.exp: count}) as counter:
    ...     _ = flambeau.ones(3).exp()
    >>> counter.get_total_flops()
    30
    """

    def register(function: Formula) -> Formula:
        for target in targets if isinstance(targets, Iterable) and not isinstance(targets, str) else [targets]:
            _registered[_card_name(target)] = _formula(function, get_raw)
        return function

    return register


def _card_name(target: Any) -> str:
    if isinstance(target, str):
        return target
    card = getattr(target, "card", None)
    if card is None:
        raise ValueError(f"register_flop_formula(targets): expected functions that are one op, or names of cards, got {target!r}")
    return card.name


def _formula(function: Formula, raw: bool) -> Formula:
    def count(inputs: Any, attrs: dict[str, Any], out: Any) -> int:
        return function(*inputs, out_val=out, **attrs) if raw else function(*map(_shape, inputs), out_shape=_shape(out), **attrs)

    return count


def _shape(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(_shape, value))
    return value.shape if isinstance(value, Tensor) else value


class _Here(threading.local):
    """In which modules a thread is, and whether something inside of the call that is open was counted."""

    def __init__(self) -> None:
        self.modules: list[str] = []
        self.counted = False
        self.backward: tuple[str, ...] | None = None


class _Counting:
    """The mode: counts what does products and is made of nothing else that does."""

    def __init__(self, counter: FlopCounterMode) -> None:
        self.counter, self.here = counter, _Here()
        self.names: dict[nn.Module, str] = {}
        self.made_in: dict[int, tuple[str, ...]] = {}  # a node's number -> the modules whose call made it
        self.handles = [register_module_forward_pre_hook(self.enter), register_module_forward_hook(self.leave, always_call=True)]

    def close(self) -> None:
        for handle in self.handles:
            handle.remove()

    def enter(self, module: nn.Module, _args: Any) -> None:
        name = self.names.setdefault(module, type(module).__name__)
        for child, below in module.named_children():
            self.names.setdefault(below, f"{name}.{child}")
        self.here.modules.append(name)

    def leave(self, module: nn.Module, _args: Any, _result: Any) -> None:
        name = self.names[module]
        while self.here.modules and self.here.modules.pop() != name:
            pass  # a module whose call failed on its way in

    def instead(self, card: Any, inputs: Any, attrs: dict[str, Any]) -> Any:
        here = self.here
        outer, here.counted = here.counted, False
        out = run_watched(card, inputs, attrs, self)
        formula = self.counter.formulas.get(card.name)
        if formula is not None and not here.counted:
            first = out[0] if isinstance(out, tuple) else out
            where = here.backward if here.backward is not None else tuple({*here.modules, "Global"})
            node = getattr(first, "node", None)
            if node is not None:
                self.made_in[node.seq] = where
            if number := formula(inputs, attrs, out):
                for name in where:
                    self.counter.flop_counts[name][self._op(card, inputs, attrs)] += number
            here.counted = True
        here.counted = here.counted or outer
        return out

    def _op(self, card: Any, inputs: Any, attrs: dict[str, Any]) -> str:
        backward = self.here.backward is not None
        if card.name in ("conv", "conv_input"):
            return "aten.convolution_backward" if backward else "aten.convolution"
        if card.name == "linear":
            return "aten.mm" if inputs[2] is None else "aten.addmm"
        if card.name == "matmul":
            return "aten.mm" if inputs[1].ndim < 3 else "aten.bmm"
        name = PRODUCTS.get(card.name)
        return "aten." + (name or event_name(card, inputs, attrs, backward).removeprefix("aten::"))

    def before(self, card: Any, inputs: Any, attrs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return inputs, attrs

    def around_node(self, node: Any, pull: Callable[[], Any]) -> Callable[[], Any]:
        def pulled() -> Any:
            outer, self.here.backward = self.here.backward, self.made_in.get(node.seq, ("Global",))
            try:
                return pull()
            finally:
                self.here.backward = outer

        return pulled


def _table(rows: list[tuple[str, str, str]]) -> str:
    widths = [max(len(row[i]) for row in rows) + 2 * (i > 0) for i in range(3)]
    lines = [f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])
