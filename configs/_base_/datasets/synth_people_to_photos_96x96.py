"""Rendered people -> real photographs at 96x96: the data and pipelines of
synth_people_to_photos_128x128.py, and the same images without labels for masked reconstruction."""
_base_ = ['./synth_people_to_photos_128x128.py']

from udapose.config_sizes import at_input_size  # noqa: E402  (MMEngine wants _base_ first)

globals().update({name: at_input_size(part, 96) for name, part in _base_.items()})

# the same crops and augmentation as for poses; masks are not read: photographs have none
_views = at_input_size([*_base_.load_whole_image, *_base_.augment_view], 96)
source_reconstruction = dict(
    at_input_size(_base_.source_train, 96),
    pipeline=[*_views, dict(type='PackReconstructionInputs', domain='source')])
target_reconstruction = dict(
    at_input_size(_base_.target_train, 96),
    pipeline=[*_views, dict(type='PackReconstructionInputs', domain='target')])
