"""AG's news: articles of four classes."""

from __future__ import annotations

import csv
import io
from os import PathLike

from flambeau.utils.data import Dataset

from .._files import read_text
from .source import Source, check_split, obtain

_URL = "https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/555590db4219b1243abb1918effd6a7425a2d75f/data/ag_news_csv/"
_SOURCES = {
    "train": Source(_URL + "train.csv", "76a0a2d2f92b286371fe4d4044640910a04a803fdd2538e0f3f29a5c6f6b672e"),
    "test": Source(_URL + "test.csv", "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699"),
}


class AG_NEWS(Dataset):
    """News articles: (label, text) pairs, the text being title and description; 120,000 for training, 7,600 for testing.

    Labels are 1 to 4 as in the file; `classes[label - 1]` is the name. Reads `root`/ag_news/{train,test}.csv, plain or .gz.
    Raises FileNotFoundError when there is none (see `download`), ValueError at a line that is not class, title, description.
    Source: AG's corpus; Zhang, Zhao, LeCun (2015), "Character-level convolutional networks for text classification".
    """

    classes = ("World", "Sports", "Business", "Sci/Tech")

    def __init__(self, root: str | PathLike[str], split: str = "train", download: bool = False) -> None:
        check_split(split, _SOURCES)
        self.path = obtain(root, f"ag_news/{split}.csv", _SOURCES[split], download)
        self.labels: list[int] = []
        self.texts: list[str] = []
        rows = csv.reader(io.StringIO(read_text(self.path), newline=""), strict=True)
        try:
            for row in rows:
                if len(row) != 3 or row[0] not in ("1", "2", "3", "4"):
                    raise ValueError(f"expected class (1 to 4), title and description, got {str(row)[:100]}")
                self.labels.append(int(row[0]))
                self.texts.append(f"{row[1]} {row[2]}")
        except (csv.Error, ValueError) as error:
            raise ValueError(f"{self.path}, line {rows.line_num}: {error}") from error

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[int, str]:
        return self.labels[index], self.texts[index]
