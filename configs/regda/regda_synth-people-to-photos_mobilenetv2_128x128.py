"""Rendered people -> photographs: RegDA (CVPR 2021): a second head, no teacher, no style.

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train configs/regda/regda_synth-people-to-photos_mobilenetv2_128x128.py
"""
_base_ = ['../mean_teacher/mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(
    consistency=None,
    alignments=dict(disparity=dict(
        type='RegressionDisparity', feature='head.deconv_layers',
        head=dict(type='HeatmapHead', in_channels=128, out_channels=_base_.num_keypoints,
                  deconv_out_channels=None, conv_out_channels=(128,), conv_kernel_sizes=(3,),
                  decoder=_base_.codec, loss=dict(type='KeypointMSELoss')))),
    test_cfg=dict(predict_on='student'))
custom_hooks = [
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='ExportTeacherHook', branch='student')]
val_cfg = dict(branches=('student',))
test_cfg = dict(branches=('student',))
