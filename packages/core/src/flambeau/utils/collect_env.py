"""What a report of a problem should say of the machine: `python -m flambeau.utils.collect_env`."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import NamedTuple

import flambeau

__all__ = ["SystemEnv", "get_env_info", "get_pretty_env_info", "main"]
PACKAGES = ("numpy", "ml_dtypes", "scipy", "cupy-cuda12x", "cupy-cuda13x", "nvidia-cudnn-frontend", "onnx", "pillow", "soundfile")


class SystemEnv(NamedTuple):
    """The machine and what is installed on it, by PyTorch's names as far as they apply."""

    torch_version: str
    is_debug_build: str
    python_version: str
    python_platform: str
    os: str
    libc_version: str
    cpu_info: str
    is_cuda_available: str
    nvidia_gpu_models: str
    front: str
    pip_packages: str


def get_env_info() -> SystemEnv:
    """What is found here.

    >>> get_env_info().torch_version == flambeau.__version__
    True
    """
    from flambeau import front

    on_gpu = flambeau.cuda.is_available()
    models = [flambeau.cuda.get_device_name(i) for i in range(flambeau.cuda.device_count())] if on_gpu else []
    return SystemEnv(
        torch_version=flambeau.__version__,
        is_debug_build=str(hasattr(sys, "gettotalrefcount")),
        python_version=f"{platform.python_version()} ({platform.architecture()[0]} runtime)",
        python_platform=platform.platform(),
        os=f"{platform.system()} {platform.release()} ({platform.machine()})",
        libc_version="-".join(platform.libc_ver()) or "N/A",
        cpu_info=_cpu(),
        is_cuda_available=str(on_gpu),
        nvidia_gpu_models="\n".join(models) or "N/A",
        front="built" if front.module is not None else f"not built: {'; '.join(front.why) or 'FLAMBEAU_FRONT=0'}",
        pip_packages="\n".join(f"{name}=={version}" for name, version in _installed()) or "N/A",
    )


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as f:
            return next((line.partition(":")[2].strip() for line in f if line.startswith("model name")), platform.processor())
    except FileNotFoundError:  # no Linux
        return platform.processor() or "N/A"


def _installed() -> list[tuple[str, str]]:
    found = {d.metadata["Name"].lower(): d.version for d in metadata.distributions()}
    return [(name, found[name]) for name in sorted(found) if name in PACKAGES or name.startswith("flambeau")]


_LINES = (("Flambeau version", "torch_version"), ("Is debug build", "is_debug_build"), ("OS", "os"), ("Libc version", "libc_version"),
          ("Python version", "python_version"), ("Python platform", "python_platform"), ("CPU", "cpu_info"),
          ("Is CUDA available", "is_cuda_available"), ("GPU models", "nvidia_gpu_models"), ("Fast paths in C", "front"),
          ("Versions of relevant libraries", "pip_packages"))  # fmt: skip


def get_pretty_env_info() -> str:
    """`get_env_info` as text, a line or a paragraph a fact."""
    info = get_env_info()
    lines = []
    for title, name in _LINES:
        value = getattr(info, name)
        lines.append(f"{title}: {value}" if "\n" not in value else f"{title}:\n" + "\n".join(f"  {line}" for line in value.split("\n")))
    return "\n".join(lines)


def main() -> None:
    """Print it."""
    print("Collecting environment information...")
    print(get_pretty_env_info())


if __name__ == "__main__":
    main()
