"""Rendered people -> photographs: adversarial features alone (DANN): no teacher, no style.

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train configs/dann/dann_synth-people-to-photos_mobilenetv2_128x128.py
"""
_base_ = ['../mean_teacher/mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(
    consistency=None,
    alignments=dict(feature=dict(
        type='DomainAdversarialLoss', feature='backbone.layer7', loss_weight=0.001,
        discriminator=dict(type='PatchDiscriminator', in_channels=320, hidden_channels=(64,),
                           kernel_size=1),
        reversal=dict(schedule='warmup'))),
    test_cfg=dict(predict_on='student'))
custom_hooks = [
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='DomainMapVisualizationHook', interval=250),
    dict(type='ExportTeacherHook', branch='student')]
val_cfg = dict(branches=('student',))
test_cfg = dict(branches=('student',))
