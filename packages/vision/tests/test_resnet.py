"""ResNets: torchvision's names, sizes and initial values; a step of training on real pictures."""

import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

import flambeau
import flambeau_vision.transforms as T
from flambeau import nn
from flambeau_vision import models


def test_resnet18_has_torchvisions_keys_and_shapes():
    lines = (Path(__file__).parent / "resnet18_keys.txt").read_text().split()
    expected = dict(zip(lines[::2], lines[1::2]))
    state = models.resnet18().state_dict()
    assert {name: "x".join(map(str, value.shape)) or "scalar" for name, value in state.items()} == expected
    assert list(state) == list(expected)


@pytest.mark.parametrize("name,parameters,entries", [("resnet18", 11689512, 122), ("resnet34", 21797672, 218), ("resnet50", 25557032, 320)])
def test_parameter_counts(name, parameters, entries):
    net = getattr(models, name)()
    assert sum(p.numel() for p in net.parameters()) == parameters and len(net.state_dict()) == entries


def test_same_seed_same_weights_as_torchvision():
    flambeau.manual_seed(0)
    state = models.resnet18(num_classes=10).state_dict()
    for name, values in {  # torchvision 0.28
        "conv1.weight": [0.0021970533, 0.0353360772, 0.0161360092],
        "layer2.0.downsample.0.weight": [-0.1101006716, 0.0741394311, -0.2848017216],
        "fc.weight": [-0.0203154963, 0.0186778661, 0.0375562198],
        "fc.bias": [0.0255053602, -0.004076222, -0.0294600092],
    }.items():
        assert state[name].flatten()[:3].tolist() == pytest.approx(values, rel=1e-5)


def test_forward_shapes():
    net = models.resnet18(num_classes=7).eval()
    with flambeau.no_grad():
        assert net(flambeau.zeros(2, 3, 64, 64)).shape == (2, 7)
        assert net(flambeau.zeros(1, 3, 33, 47)).shape == (1, 7)  # any size
    with pytest.raises(RuntimeError):
        net(flambeau.zeros(1, 1, 64, 64))
    with pytest.raises(ValueError, match="4 layers"):
        models.ResNet(type(net.layer1[0]), [1, 1])


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_zero_init_residual(name):
    block = getattr(models, name)(zero_init_residual=True).layer1[0]
    last = block.bn3 if name == "resnet50" else block.bn2
    assert not last.weight.any() and block.bn1.weight.all()


@pytest.fixture(scope="session")
def cifar(data):
    """Eight pictures of each of two classes, and their labels."""
    pictures, labels = [], []
    to_tensor = T.Compose([T.ToTensor(), T.Normalize((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))])
    with tarfile.open(data / "cifar10_jpg.tar") as tar:
        for label, name in enumerate(("ship", "frog")):
            for i in range(8):
                with Image.open(BytesIO(tar.extractfile(f"cifar10_jpg/test/{name}/{i:04}.jpg").read())) as picture:
                    pictures.append(to_tensor(picture))
                labels.append(label)
    return flambeau.stack(pictures), flambeau.tensor(labels)


def test_a_step_of_training_lowers_the_loss(cifar):
    pictures, labels = cifar
    assert pictures.shape == (16, 3, 32, 32)
    flambeau.manual_seed(0)
    net = models.resnet18(num_classes=2)
    before = net.bn1.running_mean.clone()
    losses = []
    for _ in range(3):
        loss = nn.functional.cross_entropy(net(pictures), labels)
        loss.backward()
        with flambeau.no_grad():
            for p in net.parameters():
                assert p.grad is not None and p.grad.shape == p.shape
                p -= 0.01 * p.grad
                p.grad = None
        losses.append(loss.item())
    assert losses[2] < losses[1] < losses[0]
    assert not flambeau.equal(net.bn1.running_mean, before) and int(net.bn1.num_batches_tracked) == 3


def test_state_dict_goes_round_through_a_file(tmp_path):
    flambeau.manual_seed(0)
    net = models.resnet18(num_classes=3)
    flambeau.save(net.state_dict(), tmp_path / "net.safetensors")
    other = models.resnet18(num_classes=3)
    other.load_state_dict(flambeau.load(tmp_path / "net.safetensors"))
    x = flambeau.rand(1, 3, 32, 32)
    with flambeau.no_grad():
        assert flambeau.equal(net.eval()(x), other.eval()(x))
    with pytest.raises(RuntimeError, match="fc"):
        models.resnet18(num_classes=4).load_state_dict(net.state_dict())
