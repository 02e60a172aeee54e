"""Stateless audio operations. Time is the last axis; leading axes are batch and channels."""

from flambeau_audio.functional.masking import mask_along_axis, mask_along_axis_iid
from flambeau_audio.functional.mel import create_dct, linear_fbanks, melscale_fbanks
from flambeau_audio.functional.resampling import resample
from flambeau_audio.functional.spectral import DB_to_amplitude, amplitude_to_DB, griffinlim, inverse_spectrogram, spectrogram
from flambeau_audio.functional.waveform import mu_law_decoding, mu_law_encoding, preemphasis

__all__ = [
    "DB_to_amplitude", "amplitude_to_DB", "create_dct", "griffinlim", "inverse_spectrogram", "linear_fbanks", "mask_along_axis",
    "mask_along_axis_iid", "melscale_fbanks", "mu_law_decoding", "mu_law_encoding", "preemphasis", "resample", "spectrogram",
]  # fmt: skip
