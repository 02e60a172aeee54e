"""Arguments by PyTorch's names: what can be said by position can be said by name."""
import inspect

import pytest

import flambeau

A = flambeau.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
I = flambeau.tensor([[0, 1, 0]])
SAME = """
zeros(size=(2, 3)) | zeros(2, 3)
ones(size=[2]) | ones(2)
empty(size=(0, 2)) | empty(0, 2)
arange(end=3) | arange(3)
arange(start=1, end=7, step=2) | arange(1, 7, 2)
zeros_like(input=A) | zeros_like(A)
full_like(input=A, fill_value=2, pin_memory=False) | full_like(A, 2)
add(input=A, other=A, alpha=2) | add(A, A, alpha=2)
div(input=A, other=2, rounding_mode="floor") | div(A, 2, rounding_mode="floor")
pow(input=A, exponent=2) | pow(A, 2)
float_power(input=A, exponent=2) | float_power(A, 2)
where(condition=A > 2, input=A, other=0.0) | where(A > 2, A, 0.0)
clamp(input=A, min=2) | clamp(A, 2)
lerp(input=A, end=A + 1, weight=0.5) | lerp(A, A + 1, 0.5)
addcmul(input=A, tensor1=A, tensor2=A, value=2) | addcmul(A, A, A, value=2)
matmul(input=A, other=A.mT) | matmul(A, A.mT)
mm(input=A, mat2=A.mT) | mm(A, A.mT)
mv(input=A, vec=A[0]) | mv(A, A[0])
dot(input=A[0], tensor=A[1]) | dot(A[0], A[1])
outer(input=A[0], vec2=A[1]) | outer(A[0], A[1])
addmm(input=A, mat1=A, mat2=eye(3)) | addmm(A, A, eye(3))
sum(input=A, dim=(0, 1)) | sum(A, (0, 1))
sum(input=A, axis=0, keepdims=True) | sum(A, 0, True)
max(input=A, dim=0).values | max(A, 0).values
max(input=A, other=A * 2) | max(A, A * 2)
std(input=A, dim=0, correction=0) | std(A, 0, correction=0)
norm(input=A, p=1) | norm(A, 1)
argsort(input=A, dim=1, descending=True) | argsort(A, 1, True)
topk(input=A, k=1).values | topk(A, 1).values
unique(input=A) | unique(A)
cat(tensors=(A, A), dim=1) | cat((A, A), 1)
split(tensor=A, split_size_or_sections=1)[0] | split(A, 1)[0]
tensor_split(input=A, indices_or_sections=2, dim=1)[0] | tensor_split(A, 2, 1)[0]
gather(input=A, dim=0, index=I) | gather(A, 0, I)
scatter(input=A, dim=0, index=I, value=9.0) | scatter(A, 0, I, value=9.0)
index_add(input=A, dim=0, index=I[0, :1], source=A[:1]) | index_add(A, 0, I[0, :1], A[:1])
reshape(input=A, shape=(3, 2)) | reshape(A, (3, 2))
permute(input=A, dims=(1, 0)) | permute(A, (1, 0))
transpose(input=A, dim0=0, dim1=1) | transpose(A, 0, 1)
tile(input=A, dims=(2,)) | tile(A, (2,))
tril(input=A, diagonal=1) | tril(A, 1)
cumsum(input=A, dim=0) | cumsum(A, 0)
masked_fill(input=A, mask=A > 2, value=0.0) | masked_fill(A, A > 2, 0.0)
nan_to_num(input=A, nan=0.0) | nan_to_num(A, 0.0)
bernoulli(input=ones(3)) | bernoulli(ones(3))
""".strip().split("\n")
METHODS = """
view(size=(3, 2)) | view(3, 2)
reshape(shape=(3, 2)) | reshape(3, 2)
repeat(repeats=(2, 1)) | repeat(2, 1)
expand(size=(2, 2, 3)) | expand(2, 2, 3)
permute(dims=(1, 0)) | permute(1, 0)
tile(dims=(2,)) | tile(2)
new_zeros(size=(2,)) | new_zeros(2)
sum_to_size(size=(1, 3)) | sum_to_size(1, 3)
split(split_size=1)[1] | split(1)[1]
tensor_split(sections=2)[1] | tensor_split(2)[1]
tensor_split(indices=(1,))[1] | tensor_split((1,))[1]
hsplit(sections=3)[1] | hsplit(3)[1]
mul(other=2) | mul(2)
eq(other=2) | eq(2)
pow(exponent=2) | pow(2)
clone().eq_(other=2) | clone().eq_(2)
clone().pow_(exponent=2) | clone().pow_(2)
clone().mul_(other=2) | clone().mul_(2)
clone().copy_(other=zeros(3)) | clone().copy_(zeros(3))
clone().resize_(size=(3, 2)) | clone().resize_(3, 2)
""".strip().split("\n")


@pytest.mark.parametrize("row", [*SAME, *("A." + row.replace("| ", "| A.") for row in METHODS)])
def test_by_name_as_by_position(row):
    names = {name: getattr(flambeau, name) for name in dir(flambeau) if not name.startswith("_")} | {"A": A, "I": I}
    by_name, by_position = (eval(text, names) for text in row.split(" | "))  # noqa: S307
    assert by_name.dtype is by_position.dtype and flambeau.equal(by_name, by_position)


def test_the_tensor_is_called_input():
    """No function says x or a where PyTorch says input."""
    own = {}
    for name in dir(flambeau):
        if name.startswith("sym_"):
            continue
        function = getattr(flambeau, name)
        if inspect.isfunction(function) and name not in ("tensordot", "vander"):
            first = next(iter(inspect.signature(function).parameters.values()), None)
            if first is not None and first.name in ("x", "a", "array", "self") and first.kind is not first.VAR_POSITIONAL:
                own[name] = first.name
    assert own == {}


NUMPYS = """
argmax(A, axis=0, keepdims=True) | argmax(A, 0, True)
max(A, axis=0).values | max(A, 0).values
A.max(axis=1, keepdims=True).indices | A.max(1, True).indices
std(A, axis=0) | std(A, 0)
A.var(axis=0, keepdims=True) | A.var(0, keepdim=True)
sort(A, axis=0).values | sort(A, 0).values
A.squeeze(axis=0) | A.squeeze(0)
unsqueeze(A, axis=-1) | unsqueeze(A, -1)
stack([A, A], axis=1) | stack([A, A], 1)
cat([A, A], axis=1) | cat([A, A], 1)
softmax(A, axis=0) | softmax(A, 0)
logsumexp(A, axis=0) | logsumexp(A, 0)
cumsum(A, axis=0) | cumsum(A, 0)
norm(A, axis=0) | norm(A, dim=0)
gather(A, axis=0, index=I) | gather(A, 0, I)
count_nonzero(A, axis=0) | count_nonzero(A, 0)
take_along_dim(A, I, axis=0) | take_along_dim(A, I, 0)
cummax(A, axis=0).values | cummax(A, 0).values
quantile(A, 0.5, axis=0) | quantile(A, 0.5, 0)
""".strip().split("\n")


@pytest.mark.parametrize("row", NUMPYS)
def test_numpys_names(row):
    test_by_name_as_by_position(row)


def test_other_names_are_errors():
    with pytest.raises(TypeError):
        flambeau.sum(A, dimension=0)
    with pytest.raises(TypeError):
        flambeau.pow(A, other=2)
    with pytest.raises(TypeError, match="both 'dim' and 'axis'"):
        flambeau.std(A, dim=0, axis=0)
    with pytest.raises(TypeError, match="tensor_split"):
        A.tensor_split()


def test_where_of_a_condition_alone():
    rows, columns = flambeau.where(A > 4)
    assert rows.tolist() == [1, 1] and columns.tolist() == [1, 2]
