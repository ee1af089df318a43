"""Embedded people: masked image consistency (MIC, arXiv 2212.01322) on pose.

The mean teacher, with random blocks of the student's view hidden. In MIC masked images are an
additional pass of the student; here, as for the other rows, there is one target pass.

    udapose train configs/source_only/source-only_synth-people_res18-w32_64x64.py
    udapose train configs/mic/mic_synth-people_res18-w32_64x64.py
"""
_base_ = ['../mean_teacher/mean-teacher_synth-people_res18-w32_64x64.py']

# MIC's blocks of 64 px in crops of 512 px
model = dict(student_augments=[dict(type='RandomBlockMask', ratio=0.5, block_size=8)])
