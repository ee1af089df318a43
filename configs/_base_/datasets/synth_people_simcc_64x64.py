"""Embedded people at 64x64 with SimCC's labels: two profiles of 128 bins in place of heatmaps.

Images, augmentation and evaluation are those of `synth_people_64x64.py`.
"""
_base_ = ['synth_people_64x64.py']

# as RTMPose: two bins for each pixel, sigma = sqrt(side / 8) bins
simcc = dict(type='SimCCLabel', input_size=(64, 64), sigma=(2.83, 2.83), simcc_split_ratio=2.0,
             normalize=False, use_dark=False)
codec = dict(_delete_=True, **simcc)

source_pipeline = _base_.load_whole_image + _base_.augment_view + [
    dict(type='GenerateTarget', encoder=simcc),
    dict(type='PackBranches', branch='source')]
labeled_pipeline = _base_.load_whole_image + _base_.augment_view + [
    dict(type='GenerateTarget', encoder=simcc),
    dict(type='PackPoseInputs')]

source_train = dict(pipeline=source_pipeline)
labeled_source_train = dict(pipeline=labeled_pipeline)
labeled_target_train = dict(pipeline=labeled_pipeline)
