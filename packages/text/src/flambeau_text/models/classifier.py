"""Text classification by the mean of word vectors."""

from __future__ import annotations

from flambeau import Tensor, nn


class TextClassifier(nn.Module):
    """The mean of the tokens' embeddings, and one linear layer.  (N, L) ids -> (N, n_classes) logits

    padding_idx: tokens that do not count; a text of nothing else has the mean zero.
    dropout: on the mean, in training.
    Source: Joulin, Grave, Bojanowski, Mikolov (2017), "Bag of tricks for efficient text classification".

    >>> import flambeau
    >>> TextClassifier(100, 4)(flambeau.tensor([[5, 7, 9], [8, 0, 0]])).shape
    flambeau.Size([2, 4])
    """

    def __init__(self, vocab_size: int, n_classes: int, n_embd: int = 64, padding_idx: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.padding_idx = padding_idx
        self.embedding = nn.Embedding(vocab_size, n_embd, padding_idx=padding_idx)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(n_embd, n_classes)

    def forward(self, ids: Tensor) -> Tensor:
        counts = (ids != self.padding_idx).sum(1, keepdim=True).clamp(min=1)  # (N, 1)
        # the vector at padding_idx is zero and stays so, as it gets no gradient: the sum needs no mask
        mean = self.embedding(ids).sum(1) / counts  # (N, L, C) -> (N, C)
        return self.fc(self.dropout(mean))
