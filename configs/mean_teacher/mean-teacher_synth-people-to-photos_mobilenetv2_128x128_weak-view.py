"""Rendered people -> photographs: mean teacher whose teacher sees the plain crop, mirrored or not.

Turned, shrunk and discoloured views cost the teacher accuracy; the student's view keeps them
(weak and strong views, as in FixMatch, arXiv 2001.07685).
"""
_base_ = ['./mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py']

target_pipeline = [
    *_base_.target_pipeline[:-1],
    dict(type='ForkViews', teacher=[_base_.augment_view[0], _base_.augment_view[2]],
         student=_base_.augment_view)]
train_dataloader = dict(dataset=dict(target=dict(pipeline=target_pipeline)))
