"""Running text for language models."""

from __future__ import annotations

from os import PathLike

from flambeau.utils.data import Dataset

from .._files import read_text
from .source import Source, check_split, obtain

_WIKITEXT = "https://raw.githubusercontent.com/pytorch/examples/77f55b912142e11fcfdf5b530231fb9c52f181e8/word_language_model/data/wikitext-2/"


class Corpus(Dataset):
    """A text as `.text`, and line by line as a data set (without the line feeds)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._lines = text.removesuffix("\n").split("\n") if text else []

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, index: int) -> str:
        return self._lines[index]


class TinyShakespeare(Corpus):
    """1.1 MB of Shakespeare's plays: the first nine tenths of the characters for training, the rest for validation.

    split: "train", "val" or "all". Reads `root`/tinyshakespeare/input.txt, plain or .gz.
    Source: Karpathy (2015), char-rnn.
    """

    _source = Source(
        "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/data/tinyshakespeare/input.txt",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    )

    def __init__(self, root: str | PathLike[str], split: str = "train", download: bool = False) -> None:
        check_split(split, ("train", "val", "all"))
        text = read_text(obtain(root, "tinyshakespeare/input.txt", self._source, download))
        cut = len(text) * 9 // 10
        super().__init__({"train": text[:cut], "val": text[cut:], "all": text}[split])


class WikiText2(Corpus):
    """Good articles of Wikipedia, already tokenized: words are parted by spaces, rare ones are <unk>.

    split: "train", "valid" or "test". Reads `root`/wikitext-2/{split}.txt, plain or .gz.
    Source: Merity, Xiong, Bradbury, Socher (2016), "Pointer sentinel mixture models".
    """

    _sources = {
        "train": Source(_WIKITEXT + "train.txt"),
        "valid": Source(_WIKITEXT + "valid.txt", "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8"),
        "test": Source(_WIKITEXT + "test.txt", "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0"),
    }

    def __init__(self, root: str | PathLike[str], split: str = "train", download: bool = False) -> None:
        check_split(split, self._sources)
        super().__init__(read_text(obtain(root, f"wikitext-2/{split}.txt", self._sources[split], download)))
