"""A ResNet-20 that PyTorch trained on CIFAR-10 and saved in the format before 1.6 gives PyTorch's answers here.

The checkpoint and the pictures lie beside the project (`shared/data`), and the tests skip where they don't.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

import flambeau
import flambeau.nn.functional as F
from flambeau import nn

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"
CHECKPOINT, PICTURES = DATA / "checkpoints" / "resnet20-12fca82f.th", DATA / "cifar10_jpg.tar"
pytestmark = pytest.mark.skipif(not (CHECKPOINT.exists() and PICTURES.exists()), reason=f"no checkpoint and pictures in {DATA}")
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
# PyTorch 2.13's logits of the first two test pictures of each class
LOGITS = """
7.89011 -1.08766 2.63423 -1.01254 -2.83701 -6.95334 -3.34811 -6.49845 6.97379 4.20976
11.0396 -5.71073 -1.89393 7.97444 -0.11816 1.97462 -3.23808 -3.30631 -1.34276 -5.48161
-3.84901 14.13663 -4.07982 5.57617 -2.67205 -1.59166 -2.19578 -4.0936 -3.38726 2.09777
-4.7647 9.32096 -3.71409 -1.75985 -3.04301 -6.03517 0.68236 -5.87617 4.33387 10.86819
-5.24332 -6.34341 9.34864 7.14381 3.63756 2.33788 -3.00413 -5.10542 -2.75167 -0.03232
-6.57004 3.95148 1.88574 8.61288 -3.92355 -3.24003 -0.16786 -5.38206 8.00039 -3.20291
-5.82262 -2.19215 -0.89187 14.52737 -0.9192 3.0611 2.26357 -5.13822 1.47916 -6.42606
-3.3469 -7.13106 -4.38298 11.42139 8.73098 7.11103 -3.72993 0.52307 -6.43633 -2.79835
-0.23774 -4.54884 0.50147 0.17387 7.44702 -5.36379 2.00673 -4.62191 6.79387 -2.20287
-7.41998 -6.07765 0.00101 4.57748 8.11382 10.19529 -0.18598 2.37941 -8.17973 -3.41919
-8.98437 -3.95427 -5.56269 6.84795 10.74729 12.96699 5.60717 -2.18267 -7.34723 -8.17304
-10.26402 -8.12639 -3.60772 -0.21365 3.67983 13.50633 5.70625 6.88642 -3.37287 -4.16173
-7.23464 -0.96069 4.07751 2.98152 0.80727 -2.92778 17.45558 -8.10946 -4.22437 -1.81719
-10.48593 -3.58927 -3.54863 9.82674 1.35562 0.7743 14.73723 -4.56415 -5.33394 0.87373
-9.56952 -2.39744 -1.35903 3.21857 -3.72676 0.41544 -3.76467 18.15647 -2.4283 1.42027
-7.71794 -5.83618 -1.06392 5.60762 4.95388 1.98029 -1.25644 11.96045 -5.10629 -3.5835
6.68899 9.54213 -6.07626 -5.29492 -8.22095 -7.99711 -4.53017 -8.14597 25.48603 -1.55001
2.88795 2.71229 0.96834 -2.22338 -2.15991 -8.56039 -2.93074 -4.21935 9.57402 3.91382
-2.98226 -0.16131 -2.85762 -3.27618 -6.16909 -8.09874 -6.01203 1.81405 4.39995 23.39801
-4.99827 4.76148 -1.38024 -0.02778 -4.47482 -9.78657 -9.59888 -2.08721 7.65616 19.9541
"""


class Block(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), nn.BatchNorm2d(c_out)
        self.conv2, self.bn2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False), nn.BatchNorm2d(c_out)
        self.stride, self.more = stride, c_out - c_in

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.more // 2, self.more // 2)) if self.more else x
        return F.relu(y + shortcut)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(Block(16, 16, 1), Block(16, 16, 1), Block(16, 16, 1))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


def network():
    checkpoint = flambeau.load(CHECKPOINT, map_location="cpu")
    assert checkpoint["best_prec1"] == pytest.approx(91.78)
    net = ResNet20().eval()
    net.load_state_dict({name.removeprefix("module."): value for name, value in checkpoint["state_dict"].items()})
    return net


def pictures(each):
    image = pytest.importorskip("PIL.Image")
    with tarfile.open(PICTURES) as tar:
        names = [f"cifar10_jpg/test/{name}/{i:04d}.jpg" for name in CLASSES for i in range(each)]
        decoded = [np.asarray(image.open(io.BytesIO(tar.extractfile(name).read())).convert("RGB")) for name in names]
    x = flambeau.from_numpy(np.stack(decoded)).permute(0, 3, 1, 2).float() / 255
    mean, std = flambeau.tensor([0.485, 0.456, 0.406]), flambeau.tensor([0.229, 0.224, 0.225])
    return (x - mean.view(3, 1, 1)) / std.view(3, 1, 1)


def test_its_logits_are_pytorchs():
    with flambeau.no_grad():
        logits = network()(pictures(2))
    expected = np.array(LOGITS.split(), float).reshape(20, 10)
    assert np.abs(logits.numpy() - expected).max() < 1e-4


@pytest.mark.slow
def test_it_is_right_as_often_as_in_pytorch():
    net, x = network(), pictures(100)
    with flambeau.no_grad():
        guesses = np.concatenate([net(batch).argmax(1).numpy() for batch in x.split(100)])
    assert (guesses == np.arange(1000) // 100).sum() == 804


def test_without_a_gpu_it_says_what_to_do():
    if pytest.importorskip("importlib.util").find_spec("cupy"):
        pytest.skip("CuPy is here")
    with pytest.raises(RuntimeError, match=r"CUDA device, 'cuda:0'.*map_location='cpu'"):
        flambeau.load(CHECKPOINT)
