"""Rendered people -> photographs: multi-level alignment (arXiv 2404.14885), settings as in the
embedded benchmark, not searched again.

    udapose train configs/source_only/source-only_synth-people-to-photos_mobilenetv2_128x128.py
    udapose train \\
        configs/multilevel_alignment/multilevel_synth-people-to-photos_mobilenetv2_128x128.py
"""
_base_ = ['../mean_teacher/mean-teacher_synth-people-to-photos_mobilenetv2_128x128.py']

model = dict(
    alignments=dict(
        feature=dict(
            type='DomainAdversarialLoss', feature='backbone.layer7', loss_weight=0.001,
            discriminator=dict(type='PatchDiscriminator', in_channels=320, hidden_channels=(64,),
                               kernel_size=1),
            reversal=dict(schedule='warmup')),
        pose=dict(
            type='InformationMaximizationLoss', form='joint', temperature=0.1, normalize='log',
            loss_weight=0.0003)),
    student_augments=[
        dict(type='AdaptiveKeypointOcclusion', prob=0.5, threshold=0.4, half_size=8)])

custom_hooks = [
    dict(type='AdaINStyleHook', stylizer=dict(type='FourierAmplitudeTransfer', beta=0.6), prob=0.9,
         alpha=(0.3, 1.), style_images=_base_.target_train),
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='EMATeacherHook', momentum=0.01),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=250),
    dict(type='DomainMapVisualizationHook', interval=250),
    dict(type='ExportTeacherHook')]
