"""Residual networks. He, Zhang, Ren, Sun (2015), "Deep Residual Learning for Image Recognition", arXiv:1512.03385.

Parameter names, shapes and initial values are torchvision's, so its checkpoints load and its seeds agree.
"""

from __future__ import annotations

from flambeau import Tensor, flatten, nn


def conv3x3(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel_size=3, stride=stride, padding=1, bias=False)


def conv1x1(channels_in: int, channels_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel_size=1, stride=stride, bias=False)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut.  (B, inplanes, H, W) -> (B, planes, H/stride, W/stride)"""

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.conv1 = conv3x3(inplanes, planes, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)  # (B, planes, H/stride, W/stride)
        x = self.relu(self.bn1(self.conv1(x)))                           # (B, planes, H/stride, W/stride)
        x = self.bn2(self.conv2(x))
        return self.relu(x + shortcut)


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions beside a shortcut.  (B, inplanes, H, W) -> (B, 4 · planes, H/stride, W/stride)

    The stride is on the 3×3, as in torchvision ("ResNet v1.5").
    """

    expansion = 4

    def __init__(self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None) -> None:
        super().__init__()
        self.conv1 = conv1x1(inplanes, planes)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = conv3x3(planes, planes, stride)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = conv1x1(planes, planes * self.expansion)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)  # (B, 4 · planes, H/stride, W/stride)
        x = self.relu(self.bn1(self.conv1(x)))                           # (B, planes, H, W)
        x = self.relu(self.bn2(self.conv2(x)))                           # (B, planes, H/stride, W/stride)
        x = self.bn3(self.conv3(x))                                      # (B, 4 · planes, H/stride, W/stride)
        return self.relu(x + shortcut)


class ResNet(nn.Module):
    """A stem, four layers of blocks, a mean over the picture, a linear classifier.  (B, 3, H, W) -> (B, num_classes)

    layers: the number of blocks in each layer. zero_init_residual: each block starts as its shortcut (arXiv:1706.02677).
    """

    def __init__(
        self, block: type[BasicBlock] | type[Bottleneck], layers: list[int], num_classes: int = 1000, zero_init_residual: bool = False
    ) -> None:
        super().__init__()
        if len(layers) != 4:
            raise ValueError(f"expected the number of blocks in each of 4 layers, got {layers}")
        self.inplanes = 64
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.layer1 = self.make_layer(block, 64, layers[0], stride=1)
        self.layer2 = self.make_layer(block, 128, layers[1], stride=2)
        self.layer3 = self.make_layer(block, 256, layers[2], stride=2)
        self.layer4 = self.make_layer(block, 512, layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, BasicBlock): nn.init.zeros_(module.bn2.weight)
                if isinstance(module, Bottleneck): nn.init.zeros_(module.bn3.weight)

    def make_layer(self, block: type[BasicBlock] | type[Bottleneck], planes: int, blocks: int, stride: int) -> nn.Sequential:
        downsample = None
        if stride != 1 or self.inplanes != planes * block.expansion:
            downsample = nn.Sequential(conv1x1(self.inplanes, planes * block.expansion, stride), nn.BatchNorm2d(planes * block.expansion))
        first = block(self.inplanes, planes, stride, downsample)
        self.inplanes = planes * block.expansion
        return nn.Sequential(first, *(block(self.inplanes, planes) for _ in range(blocks - 1)))

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))  # (B, 64, H/2, W/2)
        x = self.maxpool(x)                     # (B, 64, H/4, W/4)
        x = self.layer1(x)                      # (B, 64 · expansion, H/4, W/4)
        x = self.layer2(x)                      # (B, 128 · expansion, H/8, W/8)
        x = self.layer3(x)                      # (B, 256 · expansion, H/16, W/16)
        x = self.layer4(x)                      # (B, 512 · expansion, H/32, W/32)
        x = flatten(self.avgpool(x), 1)         # (B, 512 · expansion)
        return self.fc(x)                       # (B, num_classes)


def resnet18(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """ResNet-18: 11.7 million parameters.  (B, 3, H, W) -> (B, num_classes)

    >>> sum(p.numel() for p in resnet18().parameters())
    11689512
    """
    return ResNet(BasicBlock, [2, 2, 2, 2], num_classes, zero_init_residual)


def resnet34(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """ResNet-34: 21.8 million parameters.  (B, 3, H, W) -> (B, num_classes)"""
    return ResNet(BasicBlock, [3, 4, 6, 3], num_classes, zero_init_residual)


def resnet50(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """ResNet-50: 25.6 million parameters.  (B, 3, H, W) -> (B, num_classes)"""
    return ResNet(Bottleneck, [3, 4, 6, 3], num_classes, zero_init_residual)


def resnet101(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """ResNet-101: 44.5 million parameters.  (B, 3, H, W) -> (B, num_classes)"""
    return ResNet(Bottleneck, [3, 4, 23, 3], num_classes, zero_init_residual)


def resnet152(num_classes: int = 1000, zero_init_residual: bool = False) -> ResNet:
    """ResNet-152: 60.2 million parameters.  (B, 3, H, W) -> (B, num_classes)"""
    return ResNet(Bottleneck, [3, 8, 36, 3], num_classes, zero_init_residual)
