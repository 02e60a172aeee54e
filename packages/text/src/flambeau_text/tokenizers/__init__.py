"""Text to tokens and back.

A tokenizer is called with a text and gives a list of str; those with a vocabulary of their own also `encode` to ids and `decode`.
"""

from .bpe import ByteLevelBPE
from .words import CharTokenizer, WordTokenizer, basic_english, get_tokenizer

__all__ = ["ByteLevelBPE", "CharTokenizer", "WordTokenizer", "basic_english", "get_tokenizer"]
