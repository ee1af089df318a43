"""Embedded hands in 3D at 128x128: the data and pipelines of synth_hands_3d_64x64.py."""
_base_ = ['./synth_hands_3d_64x64.py']

from udapose.config_sizes import at_input_size  # noqa: E402  (MMEngine wants _base_ first)

# all parts by one rule: in a list of names one would be forgotten, and stay at 64 pixels
globals().update({name: at_input_size(part, 128) for name, part in _base_.items()})
