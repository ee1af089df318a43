"""Embedded people in 3D at 96x96: the data and pipelines of synth_people_3d_64x64.py."""
_base_ = ['./synth_people_3d_64x64.py']

from udapose.config_sizes import at_input_size  # noqa: E402  (MMEngine wants _base_ first)

# all parts by one rule: in a list of names one would be forgotten, and stay at 64 pixels
globals().update({name: at_input_size(part, 96) for name, part in _base_.items()})
