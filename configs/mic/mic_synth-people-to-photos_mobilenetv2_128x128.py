"""Rendered people -> photographs: masked image consistency (MIC, arXiv 2212.01322) on pose.

The mean teacher, with random blocks of the student's view hidden.

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train configs/mic/mic_synth-people-to-photos_mobilenetv2_128x128.py
"""
_base_ = ['../mean_teacher/mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py']

# MIC's blocks of 64 px in crops of 512 px
model = dict(student_augments=[dict(type='RandomBlockMask', ratio=0.5, block_size=16)])
