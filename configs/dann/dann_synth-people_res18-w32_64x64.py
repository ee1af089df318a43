"""Embedded people: adversarial features alone (DANN, arXiv 1409.7495): no teacher, no style.

    udapose train configs/source_only/source-only_synth-people_res18-w32_64x64.py
    udapose train configs/dann/dann_synth-people_res18-w32_64x64.py
"""
_base_ = ['../mean_teacher/mean-teacher_synth-people_res18-w32_64x64.py']

model = dict(
    consistency=None,
    alignments=dict(feature=dict(
        type='DomainAdversarialLoss', feature='backbone.layer4', loss_weight=0.001,
        discriminator=dict(type='PatchDiscriminator', in_channels=256, hidden_channels=(64,),
                           kernel_size=1),
        reversal=dict(schedule='warmup'))),
    test_cfg=dict(predict_on='student'))
custom_hooks = [
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='DomainMapVisualizationHook', interval=200),
    dict(type='ExportTeacherHook', branch='student')]
val_cfg = dict(branches=('student',))
test_cfg = dict(branches=('student',))
