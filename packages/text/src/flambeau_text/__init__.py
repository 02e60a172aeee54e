"""Text for Flambeau: tokenizers, vocabularies, transforms, data sets and small models."""

from . import datasets, models, tokenizers, transforms, vocab
from .tokenizers import ByteLevelBPE, CharTokenizer, WordTokenizer, basic_english, get_tokenizer
from .vocab import Vocab, build_vocab_from_iterator

__version__ = "0.1.0"
__all__ = [
    "ByteLevelBPE", "CharTokenizer", "WordTokenizer", "basic_english", "get_tokenizer",
    "Vocab", "build_vocab_from_iterator",
    "datasets", "models", "tokenizers", "transforms", "vocab",
]  # fmt: skip
