"""Tensors of a GPU, to files and back."""

from __future__ import annotations

import io

import pytest

import flambeau
from flambeau.serialization import load, save

pytest.importorskip("cupy", reason="needs CuPy and a GPU")
pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
def test_they_come_back_where_they_were_and_share_memory(options):
    base = flambeau.arange(24.0).cuda().reshape(4, 6)
    value = {"view": base.t()[1:3], "base": base, "wide": base[0].expand(3, 6), "half": flambeau.ones(3).cuda().bfloat16()}
    value["host"] = flambeau.ones(2)
    file = io.BytesIO()
    save(value, file, **options)
    file.seek(0)
    back = load(file)
    assert {k: (str(v.device), v.stride(), v.tolist()) for k, v in back.items()} == \
        {k: (str(v.device), v.stride(), v.tolist()) for k, v in value.items()}  # fmt: skip
    back["base"][0, 1] = 100.0
    assert back["view"][0, 0].item() == 100 and back["wide"][2, 1].item() == 100
    again = io.BytesIO()
    save(back, again, **options)
    assert len(again.getvalue()) == len(file.getvalue()), "once, and no more than is in use"
    for where in ("cpu", {"cuda:0": "cpu"}, lambda storage, location: storage.cpu()):
        file.seek(0)
        assert {v.device.type for v in load(file, map_location=where).values()} == {"cpu"}
    file.seek(0)
    assert {v.device.type for v in load(file, map_location="cuda:0").values()} == {"cuda"}
