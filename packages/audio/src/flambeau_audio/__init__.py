"""Flambeau for sound: files, spectra, resampling, augmentation and data sets, with torchaudio's names."""

from flambeau_audio import datasets, functional, transforms
from flambeau_audio.io import AudioMetaData, info, load, save

__version__ = "0.1.0"
__all__ = ["AudioMetaData", "datasets", "functional", "info", "load", "save", "transforms"]
