"""Weights of a given norm, of a given largest stretch, or orthogonal: parametrizations for `parametrize`."""

from __future__ import annotations

from typing import Any

import flambeau

from ...autograd import no_grad
from ...ops.inverse import exponential as matrix_exp
from ...ops.matrix import solve
from ...ops.norms import vector_norm
from ...ops.products import householder_product
from ...tensor import Tensor
from ..functional import normalize
from ..module import Module
from .parametrize import register_parametrization

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def norm_except(v: Tensor, dim: int) -> Tensor:
    """The 2-norm over all axes but dim, which stay as ones; over all of them for dim -1."""
    if dim == -1:
        return v.norm()
    axes = [axis for axis in range(v.dim()) if axis != dim % v.dim()]
    return vector_norm(v, 2, axes, keepdim=True) if axes else v.abs()


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_v * (weight_g / norm_except(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except(weight, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Train the length and the direction of each row of a weight apart: w = g v / |v|. Returns the module.

    The norm is taken over all axes but dim (over all, for None). original0 is g, original1 is v. A state_dict of the older
    `utils.weight_norm` (weight_g, weight_v) loads too. Source: Salimans and Kingma (2016).

    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape
    flambeau.Size([40, 1])
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def older(state_dict: Any, prefix: str, *_rest: Any) -> None:
        keys = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in keys):
            for i, key in enumerate(keys):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(older)
    return module


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.dim() <= dim < weight.dim():
            raise IndexError(f"Dimension out of range (expected to be in range of [-{weight.dim()}, {weight.dim() - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}")
        self.dim = dim % weight.dim()
        self.eps = eps
        if weight.dim() > 1:
            self.n_power_iterations = n_power_iterations
            matrix = self._matrix(weight.detach())
            rows, columns = matrix.shape
            self.register_buffer("_u", normalize(matrix.new_empty(rows).normal_(0, 1), dim=0, eps=eps))
            self.register_buffer("_v", normalize(matrix.new_empty(columns).normal_(0, 1), dim=0, eps=eps))
            self._power_method(matrix, 15)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).flatten(1)

    def _power_method(self, matrix: Tensor, times: int) -> None:
        with no_grad():
            for _ in range(times):
                self._u.copy_(normalize(matrix @ self._v, dim=0, eps=self.eps))
                self._v.copy_(normalize(matrix.mH @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.dim() == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = self._matrix(weight)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        return weight / flambeau.vdot(self._u.clone(), matrix @ self._v.clone())

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None) -> Any:
    """Divide a weight by its largest singular value, which is followed by power iteration, a step each training call. Returns the module.

    dim is the axis of outputs: 0, but 1 for transposed convolutions. Source: Miyato et al. (2018).
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if dim is None:
        dim = 1 if type(module).__name__.removeprefix("Parametrized").startswith("ConvTranspose") else 0
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


def _made_orthogonal(a: Tensor) -> Tensor:
    x, tau = flambeau.geqrf(a)
    return householder_product(x, tau) * x.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def _is_orthogonal(q: Tensor) -> bool:
    n, k = q.shape[-2:]
    distance = (q.mH @ q - flambeau.eye(k, dtype=q.dtype, device=q.device)).abs()
    return bool((distance < 10.0 * n * flambeau.finfo(q.dtype).eps).all())


class _Orthogonal(Module):
    def __init__(self, weight: Tensor, orthogonal_map: str, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        wide = x.shape[-2] < x.shape[-1]
        x = x.mT if wide else x
        n, k = x.shape[-2:]
        if self.orthogonal_map == "householder":
            a = x.tril(-1)
            tau = 2.0 / (1.0 + (a * a.conj()).sum(-2))
            q = householder_product(a, tau) * x.diagonal(dim1=-2, dim2=-1).sign().detach().unsqueeze(-2)
        else:
            x = x.tril()
            if n != k:
                x = flambeau.cat([x, x.new_zeros(n, n - k).expand(*x.shape[:-2], -1, -1)], -1)
            a = x - x.mH  # skew: its exponential, and its Cayley transform, are orthogonal
            if self.orthogonal_map == "matrix_exp":
                q = matrix_exp(a)
            else:
                one = flambeau.eye(n, dtype=a.dtype, device=a.device)
                q = solve(one - 0.5 * a, one + 0.5 * a)
            q = q[..., :k]
        if getattr(self, "base", None) is not None:
            q = self.base @ q
        return q.mT if wide else q

    def right_inverse(self, q: Tensor) -> Tensor:
        if q.shape != self.shape:
            raise ValueError(f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {q.shape}.")
        given, wide = q, q.shape[-2] < q.shape[-1]
        q = q.mT if wide else q
        n, k = q.shape[-2:]
        if "base" not in self._buffers:
            if self.orthogonal_map != "householder":
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley parametrizations when use_trivialization=False."
                )
            a, tau = flambeau.geqrf(q)
            signs = a.diagonal(dim1=-2, dim2=-1).sign()
            signs = flambeau.where(tau == 0, -signs, signs)  # an H of the identity is not a reflection
            a = _with_diagonal(a, signs)
            return a.mT if wide else a
        if n == k:
            q = q.clone() if _is_orthogonal(q) else _made_orthogonal(q)
        else:  # the complement is completed at random
            q = _made_orthogonal(flambeau.cat([q, flambeau.randn(*q.shape[:-2], n, n - k, dtype=q.dtype, device=q.device)], -1))
        self.base = q
        minus = flambeau.zeros_like(given)
        minus.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
        return minus


def _with_diagonal(a: Tensor, diagonal: Tensor) -> Tensor:
    a = a.clone()
    a.diagonal(dim1=-2, dim2=-1).copy_(diagonal)
    return a


def orthogonal(module: Any, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True) -> Any:
    """Keep a weight orthogonal (its rows or columns, whichever are fewer). Returns the module.

    orthogonal_map: "matrix_exp" (the default for square matrices), "cayley" or "householder" (for others). With use_trivialization the
    weight can be assigned to, at the cost of holding one more matrix. Source: Lezcano-Casado (2019).

    >>> layer = nn.utils.parametrizations.orthogonal(nn.Linear(2, 4))
    >>> bool(flambeau.allclose(layer.weight.T @ layer.weight, flambeau.eye(2), atol=1e-5))
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] or weight.is_complex() else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}')
    return register_parametrization(module, name, _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization), unsafe=True)
