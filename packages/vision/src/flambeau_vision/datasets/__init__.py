"""Image data sets: carried (`Digits`), fetched (`MNIST`, `FashionMNIST`), your own (`ImageFolder`, `DatasetFolder`)."""

from flambeau_vision.datasets.digits import Digits
from flambeau_vision.datasets.folder import DatasetFolder, ImageFolder, find_classes, make_dataset
from flambeau_vision.datasets.idx import read_idx
from flambeau_vision.datasets.mnist import MNIST, FashionMNIST
from flambeau_vision.datasets.vision import VisionDataset

__all__ = ["Digits", "MNIST", "FashionMNIST", "ImageFolder", "DatasetFolder", "VisionDataset", "find_classes", "make_dataset", "read_idx"]
