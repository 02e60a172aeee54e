"""Audio operations as modules: their tables are buffers, which move with `.to(device)`."""

from flambeau_audio.transforms.masking import FrequencyMasking, TimeMasking
from flambeau_audio.transforms.mel import MFCC, MelScale, MelSpectrogram
from flambeau_audio.transforms.spectral import AmplitudeToDB, GriffinLim, InverseSpectrogram, Spectrogram
from flambeau_audio.transforms.waveform import MuLawDecoding, MuLawEncoding, Preemphasis, Resample

__all__ = [
    "AmplitudeToDB", "FrequencyMasking", "GriffinLim", "InverseSpectrogram", "MFCC", "MelScale", "MelSpectrogram",
    "MuLawDecoding", "MuLawEncoding", "Preemphasis", "Resample", "Spectrogram", "TimeMasking",
]  # fmt: skip
