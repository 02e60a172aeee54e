"""The reader of pickles: a machine of its own, for Python's runs whatever the file says.

It knows the instructions that plain values need. A name stands for one of the things in `rebuild.py` or for what the user allowed; whatever
else a file names is refused, by that name, before anything is made of it.
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from pickle import UnpicklingError, decode_long
from typing import Any

from . import allowed
from .rebuild import BUILDERS, THINGS, Refused, check_key

MARK = object()
DAMAGE = (ValueError, TypeError, KeyError, OverflowError, RuntimeError, AttributeError, MemoryError)


class Unpickler:
    """Reads one pickle after another from `content`, beginning at `at`.

    resolve: makes a storage of a persistent id. encoding: of the strings that Python 2 wrote; "bytes" leaves them bytes.
    Raises UnpicklingError for what is damaged or not allowed, EOFError where nothing is left to read.
    """

    def __init__(self, content: Any, at: int = 0, resolve: Callable[[Any], Any] | None = None, encoding: str = "utf-8") -> None:
        self.content, self.at, self.resolve, self.encoding = memoryview(content), at, resolve, encoding
        self.names: list[str] = []  # every name that was met
        self.failure: Exception | None = None
        self.blind = False  # take unknown names for None: to list them

    def load(self) -> Any:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        if self.at >= len(self.content):
            raise EOFError("Ran out of input: the file is empty or cut short")
        content, steps = self.content, STEPS
        try:
            while True:
                code = content[self.at]
                self.at += 1
                if code == 0x2E:  # STOP
                    value = self.stack.pop()
                    if value is MARK or self.stack:
                        raise UnpicklingError("the pickle is damaged: it ends with values left over")
                    return value
                step = steps.get(code)
                if step is None:
                    what = f"{bytes((code,))!r} at byte {self.at - 1}"
                    raise UnpicklingError(f"the pickle has the instruction {what}, which no checkpoint needs")
                step(self)
        except Exception as error:
            if error is self.failure:
                raise
            if isinstance(error, Refused | UnpicklingError):
                raise UnpicklingError(f"loading was refused: {error}") from None
            if isinstance(error, IndexError | struct.error):
                raise UnpicklingError(f"the pickle is damaged or cut short at byte {self.at}") from error
            if isinstance(error, DAMAGE):
                raise UnpicklingError(f"the pickle is damaged at byte {self.at}: {error}") from error
            raise

    # ---- reading
    def take(self, n: int) -> memoryview:
        if n < 0 or self.at + n > len(self.content):
            raise UnpicklingError(f"the pickle is cut short: it wants {n} bytes at byte {self.at} of {len(self.content)}")
        piece = self.content[self.at : self.at + n]
        self.at += n
        return piece

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        rest = self.content[self.at : self.at + 1000].tobytes()
        end = rest.find(b"\n")
        if end < 0:
            raise UnpicklingError(f"the pickle is damaged at byte {self.at}: expected the end of a line")
        self.at += end + 1
        return rest[:end].decode()

    # ---- the stack
    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is MARK:
            raise UnpicklingError("the pickle is damaged: a mark where a value should be")
        return value

    def top(self) -> Any:
        value = self.stack[-1]
        if value is MARK:
            raise UnpicklingError("the pickle is damaged: a mark where a value should be")
        return value

    def marked(self) -> list:
        """What was pushed since the last mark."""
        stack = self.stack
        for i in range(len(stack) - 1, -1, -1):
            if stack[i] is MARK:
                items = stack[i + 1 :]
                del stack[i:]
                return items
        raise UnpicklingError("the pickle is damaged: values without a mark")

    # ---- names and calls
    def named(self, module: str, name: str) -> Any:
        full = f"{module}.{name}"
        self.names.append(full)
        thing = THINGS.get(full)
        if thing is None:
            thing = allowed.find(full)
        if thing is None and not self.blind:
            raise Refused(
                f"it names {full}, which is neither a tensor nor a plain value. If you trust it, allow that class or function before: "
                f"flambeau.serialization.add_safe_globals([{name}]). No file can run code here; weights_only=False changes nothing in that"
            )
        return thing

    def call(self, thing: Any, args: Any) -> Any:
        if type(args) is not tuple:
            raise Refused(f"expected the arguments of a call as a tuple, got {type(args).__name__}")
        if self.blind:
            return BUILDERS[id(thing)](*args) if id(thing) in BUILDERS and thing in (OrderedDict, set, frozenset) else None
        build = BUILDERS.get(id(thing))
        if build is not None:
            return build(*args)
        if callable(thing) and allowed.is_allowed(thing):
            return thing(*args)
        raise Refused(f"it calls {thing!r:.80}, which makes no tensor and no plain value")

    def make(self, kind: Any, args: Any, options: dict | None = None) -> Any:
        if isinstance(kind, type) and allowed.is_allowed(kind) and type(args) is tuple and not self.blind:
            return kind.__new__(kind, *args, **(options or {}))
        if options:
            raise Refused(f"it makes a {kind!r:.80} with named arguments, which no plain value takes")
        return self.call(kind, args)

    def build(self) -> None:
        state = self.pop()
        thing = self.top()
        if self.blind:
            return
        if type(thing) is OrderedDict:  # a module's state_dict has notes of versions beside it
            if type(state) is not dict or any(type(k) is not str or hasattr(OrderedDict, k) for k in state):
                raise Refused(f"it sets attributes of an OrderedDict that no state_dict has: {state!r:.80}")
            thing.__dict__.update(state)
        elif allowed.is_allowed(type(thing)):
            set_state(thing, state)
        else:
            raise Refused(f"it sets the state of a {type(thing).__name__}, which has none")

    def extend(self, items: list) -> None:
        target = self.top()
        if type(target) is list:
            target.extend(items)
        elif isinstance(target, list) and allowed.is_allowed(type(target)):
            for item in items:
                target.append(item)
        elif not (self.blind and target is None):
            raise Refused(f"it appends to a {type(target).__name__}, which is no list")

    def update(self, pairs: list) -> None:
        target = self.top()
        if len(pairs) % 2:
            raise UnpicklingError("the pickle is damaged: a key without a value")
        if self.blind and target is None:
            return
        if not (type(target) in (dict, OrderedDict, Counter) or (isinstance(target, dict) and allowed.is_allowed(type(target)))):
            raise Refused(f"it puts items into a {type(target).__name__}, which is no dict")
        for i in range(0, len(pairs), 2):
            target[pairs[i] if type(pairs[i]) is str else check_key(pairs[i])] = pairs[i + 1]

    def add(self, items: list) -> None:
        target = self.top()
        if type(target) is not set:
            raise Refused(f"it adds to a {type(target).__name__}, which is no set")
        target.update(map(check_key, items))

    def stored(self, key: Any) -> Any:
        if self.resolve is None:
            if self.blind:
                return None
            raise Refused("it asks for a storage, and this pickle has none")
        try:
            return self.resolve(key)
        except Refused:
            raise
        except Exception as error:  # a device that is missing, a record that is damaged: no fault of the pickle
            self.failure = error
            raise

    def text(self, raw: memoryview) -> Any:
        return raw.tobytes() if self.encoding == "bytes" else raw.tobytes().decode(self.encoding)


def set_state(thing: Any, state: Any) -> None:
    """The state of an instance of a class that the user allowed, as Python's pickle sets it."""
    if hasattr(thing, "__setstate__"):
        thing.__setstate__(state)
        return
    slots = None
    if type(state) is tuple and len(state) == 2:
        state, slots = state
    if state:
        thing.__dict__.update(state)
    for name, value in (slots or {}).items():
        setattr(thing, name, value)


def quoted(text: str) -> str:
    if len(text) < 2 or text[0] not in "'\"" or text[-1] != text[0] or "\\" in text:
        raise UnpicklingError(f"the pickle is damaged: expected a string in quotes, got {text!r:.40}")
    return text[1:-1]


def whole(text: str) -> int | bool:
    return {"00": False, "01": True}.get(text) if text in ("00", "01") else int(text)  # type: ignore[return-value]


def pairs_to_dict(u: Unpickler) -> None:
    pairs = u.marked()
    u.push({})
    u.update(pairs)


def join_names(u: Unpickler) -> None:
    name, module = u.pop(), u.pop()
    if type(name) is not str or type(module) is not str:
        raise Refused(f"expected a module and a name, got {module!r:.40} and {name!r:.40}")
    u.push(u.named(module, name))


def reduce(u: Unpickler) -> None:
    args = u.pop()
    u.push(u.call(u.pop(), args))


def make(u: Unpickler) -> None:
    args = u.pop()
    u.push(u.make(u.pop(), args))


def make_by_name(u: Unpickler) -> None:
    options, args = u.pop(), u.pop()
    if type(options) is not dict or any(type(k) is not str for k in options):
        raise Refused("expected the named arguments of a class as a dict")
    u.push(u.make(u.pop(), args, options))


def remember(u: Unpickler, place: int) -> None:
    if place < 0:
        raise UnpicklingError(f"the pickle is damaged: it remembers a value at {place}")
    u.memo[place] = u.top()


def append(u: Unpickler) -> None:
    item = u.pop()
    u.extend([item])


def set_item(u: Unpickler) -> None:
    value = u.pop()
    key = u.pop()
    u.update([key, value])


def pop_tuple(n: int) -> Callable[[Unpickler], None]:
    def step(u: Unpickler) -> None:
        items = [u.pop() for _ in range(n)]
        u.push(tuple(reversed(items)))

    return step


def pop_mark(u: Unpickler) -> None:
    u.marked()


def protocol(u: Unpickler) -> None:
    version = u.number("<B")
    if version > 5:
        raise UnpicklingError(f"the pickle is of protocol {version}; protocols up to 5 are known")


def global_name(u: Unpickler) -> None:
    module = u.line()
    u.push(u.named(module, u.line()))


STEPS: dict[int, Callable[[Unpickler], None]] = {ord(code): step for code, step in {
    "\x80": protocol,
    "\x95": lambda u: u.number("<Q") and None,  # a frame's length helps those who read from a stream
    "(": lambda u: u.push(MARK),
    "0": lambda u: u.stack.pop() and None,
    "1": pop_mark,
    "2": lambda u: u.push(u.top()),
    # numbers
    "N": lambda u: u.push(None), "\x88": lambda u: u.push(True), "\x89": lambda u: u.push(False),
    "I": lambda u: u.push(whole(u.line())), "L": lambda u: u.push(int(u.line().rstrip("L"))), "F": lambda u: u.push(float(u.line())),
    "K": lambda u: u.push(u.number("<B")), "M": lambda u: u.push(u.number("<H")), "J": lambda u: u.push(u.number("<i")),
    "\x8a": lambda u: u.push(decode_long(u.take(u.number("<B")).tobytes())),
    "\x8b": lambda u: u.push(decode_long(u.take(u.number("<i")).tobytes())),
    "G": lambda u: u.push(u.number(">d")),
    # strings and bytes
    "S": lambda u: u.push(u.text(memoryview(quoted(u.line()).encode()))),
    "T": lambda u: u.push(u.text(u.take(u.number("<i")))), "U": lambda u: u.push(u.text(u.take(u.number("<B")))),
    "V": lambda u: u.push(u.line().encode().decode("raw-unicode-escape")),
    "X": lambda u: u.push(u.take(u.number("<I")).tobytes().decode("utf-8", "surrogatepass")),
    "\x8c": lambda u: u.push(u.take(u.number("<B")).tobytes().decode("utf-8", "surrogatepass")),
    "\x8d": lambda u: u.push(u.take(u.number("<Q")).tobytes().decode("utf-8", "surrogatepass")),
    "B": lambda u: u.push(u.take(u.number("<I")).tobytes()), "C": lambda u: u.push(u.take(u.number("<B")).tobytes()),
    "\x8e": lambda u: u.push(u.take(u.number("<Q")).tobytes()), "\x96": lambda u: u.push(bytearray(u.take(u.number("<Q")))),
    # containers
    "]": lambda u: u.push([]), "}": lambda u: u.push({}), ")": lambda u: u.push(()), "\x8f": lambda u: u.push(set()),
    "l": lambda u: u.push(u.marked()), "t": lambda u: u.push(tuple(u.marked())), "d": pairs_to_dict,
    "\x85": pop_tuple(1), "\x86": pop_tuple(2), "\x87": pop_tuple(3),
    "\x91": lambda u: u.push(frozenset(map(check_key, u.marked()))),
    "a": append, "e": lambda u: u.extend(u.marked()), "s": set_item, "u": lambda u: u.update(u.marked()),
    "\x90": lambda u: u.add(u.marked()),
    # what was met before
    "g": lambda u: u.push(u.memo[int(u.line())]), "h": lambda u: u.push(u.memo[u.number("<B")]),
    "j": lambda u: u.push(u.memo[u.number("<I")]),
    "p": lambda u: remember(u, int(u.line())), "q": lambda u: remember(u, u.number("<B")), "r": lambda u: remember(u, u.number("<I")),
    "\x94": lambda u: remember(u, len(u.memo)),
    # names and what is made by them
    "c": global_name, "\x93": join_names, "R": reduce, "\x81": make, "\x92": make_by_name, "b": lambda u: u.build(),
    "Q": lambda u: u.push(u.stored(u.pop())),
}.items()}  # fmt: skip
