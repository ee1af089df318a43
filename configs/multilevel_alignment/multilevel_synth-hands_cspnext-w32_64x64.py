"""Embedded hands: multi-level alignment (arXiv 2404.14885) of a small RTMPose.

The settings of ResNet-18, with weights that give each term the same share of the gradient beside
SimCC's loss, which is far larger than heatmaps' MSE.

    udapose train configs/style_only/style-only_synth-hands_cspnext-w32_64x64.py   # phase 1
    udapose train configs/multilevel_alignment/multilevel_synth-hands_cspnext-w32_64x64.py

Your own images, as target and for the style (in phase 1 the second key alone): `--cfg-options
train_dataloader.dataset.target.data_root=FOLDER custom_hooks.0.style_images.data_root=FOLDER`.
"""
_base_ = ['../mean_teacher/mean-teacher_synth-hands_cspnext-w32_64x64.py']

load_from = 'work_dirs/style-only_synth-hands_cspnext-w32_64x64/iter_1200.pth'

model = dict(
    # weaker than for people, and less style than in phase 1: docs/benchmarks/search.md
    consistency=dict(type='HeadConsistencyLoss', loss_weight=0.3),
    alignments=dict(
        feature=dict(
            type='DomainAdversarialLoss', feature='backbone.stage2', loss_weight=0.5,
            discriminator=dict(type='PatchDiscriminator', in_channels=128, hidden_channels=(64,),
                               kernel_size=1),
            reversal=dict(schedule='warmup')),
        pose=dict(
            type='InformationMaximizationLoss', form='joint', temperature=1., normalize='log',
            loss_weight=0.07)),
    student_augments=[
        # confidence is the sharpness relative to a label: lower than a heatmap's peak
        dict(type='AdaptiveKeypointOcclusion', prob=0.5, threshold=0.15, half_size=4)])

custom_hooks = [
    dict(type='AdaINStyleHook', stylizer=dict(type='FourierAmplitudeTransfer', beta=0.6), prob=0.5,
         alpha=(0., 1.), style_images=_base_.target_train),
    dict(type='PreflightHook'),
    dict(type='AverageBuffersHook'),
    dict(type='EMATeacherHook', momentum=0.01),
    dict(type='PseudoLabelMonitorHook'),
    dict(type='PseudoLabelVisualizationHook', interval=200),
    dict(type='DomainMapVisualizationHook', interval=200),
    dict(type='ExportTeacherHook')]
