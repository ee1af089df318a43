"""Embedded people at 96x96 without labels: the data and pipelines of
synth_people_reconstruction_64x64.py."""
_base_ = ['./synth_people_reconstruction_64x64.py']

from udapose.config_sizes import at_input_size  # noqa: E402  (MMEngine wants _base_ first)

globals().update({name: at_input_size(part, 96) for name, part in _base_.items()})
input_size = (96, 96)
