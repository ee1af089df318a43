"""Embedded hands in 3D at 128x128: the data and pipelines of synth_hands_3d_64x64.py."""
_base_ = ['./synth_hands_3d_64x64.py']

from udapose.config_sizes import at_input_size  # noqa: E402  (MMEngine wants _base_ first)

side = 128
codec = at_input_size(_base_.codec, side)
source_pipeline = at_input_size(_base_.source_pipeline, side)
labeled_pipeline = at_input_size(_base_.labeled_pipeline, side)
augmented_pipeline = at_input_size(_base_.augmented_pipeline, side)
target_pipeline = at_input_size(_base_.target_pipeline, side)
test_pipeline = at_input_size(_base_.test_pipeline, side)
source_train = at_input_size(_base_.source_train, side)
target_train = at_input_size(_base_.target_train, side)
labeled_source_train = at_input_size(_base_.labeled_source_train, side)
augmented_source_train = at_input_size(_base_.augmented_source_train, side)
labeled_target_train = at_input_size(_base_.labeled_target_train, side)
target_val = at_input_size(_base_.target_val, side)
target_test = at_input_size(_base_.target_test, side)
source_test = at_input_size(_base_.source_test, side)
val_dataloader = at_input_size(_base_.val_dataloader, side)
test_dataloader = at_input_size(_base_.test_dataloader, side)
