"""Small text models, readable from top to bottom."""

from .classifier import TextClassifier
from .gpt import GPT, GPTConfig

__all__ = ["GPT", "GPTConfig", "TextClassifier"]
