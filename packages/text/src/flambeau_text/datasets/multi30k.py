"""Multi30k: image captions in several languages, sentence by sentence."""

from __future__ import annotations

from os import PathLike

from flambeau.utils.data import Dataset

from .._files import read_text
from .source import Source, check_split, obtain

_URL = "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/"
_NAMES = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
_HASHES = {
    "train.de": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "val.de": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "test_2016_flickr.de": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    "test_2016_flickr.en": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
}


class Multi30k(Dataset):
    """(source, target) sentence pairs, German and English: 29,000 for training, 1,014 for validation, 1,000 for testing.

    split: "train", "valid" or "test". language_pair: the two languages, source first.
    Reads `root`/multi30k/{train,val,test_2016_flickr}.{de,en}, plain or .gz. Raises ValueError when the two files differ in length.
    Source: Elliott, Frank, Sima'an, Specia (2016), "Multi30K: multilingual English-German image descriptions".
    """

    def __init__(
        self, root: str | PathLike[str], split: str = "train", language_pair: tuple[str, str] = ("de", "en"), download: bool = False
    ) -> None:
        check_split(split, _NAMES)
        if sorted(language_pair) != ["de", "en"]:
            raise ValueError(f"expected language_pair to be ('de', 'en') or ('en', 'de'), got {language_pair!r}")
        self._source, self._target = (self._read(root, f"{_NAMES[split]}.{language}", download) for language in language_pair)
        if len(self._source) != len(self._target):
            lengths = " and ".join(str(len(side)) for side in (self._source, self._target))
            raise ValueError(f"expected as many {language_pair[0]} as {language_pair[1]} sentences in {split}, got {lengths}")

    @staticmethod
    def _read(root: str | PathLike[str], name: str, download: bool) -> list[str]:
        path = obtain(root, f"multi30k/{name}", Source(f"{_URL}{name}.gz", _HASHES[name]), download)
        return [line.strip() for line in read_text(path).removesuffix("\n").split("\n")]

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[str, str]:
        return self._source[index], self._target[index]
