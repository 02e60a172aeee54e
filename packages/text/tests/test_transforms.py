import pytest

import flambeau
from flambeau_text import Vocab
from flambeau_text.transforms import AddToken, Sequential, ToTensor, Truncate, VocabTransform, pad_sequence


def test_each_step_takes_one_list_or_a_batch() -> None:
    words = VocabTransform(Vocab(["<unk>", "a", "b"], default_index=0))
    assert words(["b", "?"]) == [2, 0]
    assert words([["b"], []]) == [[2], []]
    assert words(["ab"]) == [0]
    assert Truncate(2)((1, 2, 3)) == [1, 2]
    assert Truncate(0)([[1], [2]]) == [[], []]
    assert AddToken(0)([1]) == [0, 1]
    assert AddToken(0, begin=False)([[1], []]) == [[1, 0], [0]]
    assert AddToken("x")([]) == ["x"]


def test_to_tensor() -> None:
    x = ToTensor()([1, 2])
    assert x.tolist() == [1, 2] and x.dtype == flambeau.int64
    x = ToTensor(padding_value=-1, dtype=flambeau.float32)([[1], [2, 3], []])
    assert x.tolist() == [[1, -1], [2, 3], [-1, -1]] and x.dtype == flambeau.float32
    assert ToTensor()([[1, 2], [3, 4]]).shape == (2, 2)
    assert ToTensor()([]).shape == (0,)
    with pytest.raises(ValueError, match=r"expected lists of one length, got \[1, 2\]; give ToTensor a padding_value"):
        ToTensor()([[1], [2, 3]])


def test_a_whole_pipeline() -> None:
    vocab = Vocab(["<pad>", "<bos>", "<unk>", "so", "it", "goes"], default_index=2)
    steps = Sequential(VocabTransform(vocab), Truncate(3), AddToken(1), ToTensor(0))
    assert steps([["so", "it", "goes", "on"], ["well"]]).tolist() == [[1, 3, 4, 5], [1, 2, 0, 0]]


@pytest.mark.parametrize("wrong", ["text", 3, None])
def test_wrong_kind(wrong: object) -> None:
    for step in (Truncate(1), AddToken(1), ToTensor(), VocabTransform(Vocab(["a"]))):
        with pytest.raises(TypeError, match="expected a list of tokens or ids, or a list of such lists, got"):
            step(wrong)
    with pytest.raises(TypeError, match="got both in one list"):
        Truncate(1)([[1], 2])
    with pytest.raises(ValueError, match="expected max_seq_len of 0 or more, got -1"):
        Truncate(-1)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_pad_sequence(side: str, batch_first: bool) -> None:
    rows = [flambeau.arange(6.0).reshape(3, 2), flambeau.ones(1, 2)]
    out = pad_sequence(rows, batch_first, padding_value=9.0, padding_side=side)
    out = out if batch_first else out.transpose(0, 1)
    assert out[0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert out[1].tolist() == ([[1, 1], [9, 9], [9, 9]] if side == "right" else [[9, 9], [9, 9], [1, 1]])


def test_pad_sequence_has_gradients() -> None:
    a, b = flambeau.ones(3, requires_grad=True), flambeau.ones(1, requires_grad=True)
    (pad_sequence([a, b]) * flambeau.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])).sum().backward()
    assert a.grad.tolist() == [1, 3, 5] and b.grad.tolist() == [2]


def test_pad_sequence_errors() -> None:
    with pytest.raises(RuntimeError, match="at least one tensor"):
        pad_sequence([])
    with pytest.raises(ValueError, match="expected padding_side 'right' or 'left', got 'up'"):
        pad_sequence([flambeau.ones(1)], padding_side="up")
