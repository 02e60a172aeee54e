"""Text data sets, read from local files under a root folder; `download=True` fetches what is not there, checked against its hash."""

from .ag_news import AG_NEWS
from .corpora import Corpus, TinyShakespeare, WikiText2
from .multi30k import Multi30k

__all__ = ["AG_NEWS", "Corpus", "Multi30k", "TinyShakespeare", "WikiText2"]
