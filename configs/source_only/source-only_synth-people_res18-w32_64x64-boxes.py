"""Embedded people, labelled source images only, from scratch, for models that get boxes.

The crops are the people's boxes with a quarter more around them, as with MMPose's own models,
where the other configs of the embedded people take the whole image. They are turned by up to 30
degrees instead of 60, since people in videos stand upright: this needs half the iterations.
`udapose adapt --demo` trains its start model with it.

    udapose synth --kind people --out data/synthpose/people
    udapose train configs/source_only/source-only_synth-people_res18-w32_64x64-boxes.py
"""
_base_ = ['source-only_synth-people_res18-w32_64x64.py']

codec = _base_.codec
load_box = [dict(type='LoadPoseImage'), dict(type='GetBBoxCenterScale', padding=1.25)]
train_pipeline = [
    *load_box,
    dict(type='RandomFlip', direction='horizontal'),
    dict(type='QuickRandomBBoxTransform', shift_factor=0.06, scale_factor=(0.75, 1.25),
         rotate_factor=30, rotate_prob=1.0, shift_prob=1.0),
    dict(type='RecordedTopdownAffine', input_size=codec.input_size),
    dict(type='ColorJitter', brightness=0.5, contrast=0.5, saturation=0.5),
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs')]
test_pipeline = [
    *load_box,
    dict(type='TopdownAffine', input_size=codec.input_size),
    dict(type='PackPoseInputs')]

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
