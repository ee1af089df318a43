"""A tiny configuration in which every part of multi-level alignment acts."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from runs import PEOPLE, tiny_config  # noqa: E402


def all_parts(data, work_dir, iters=6, pretrain=2, interval=100, style=None):
    """Both phases, style in both directions, adversarial and information terms, occlusion, base
    frame, a discriminator with a learning rate of its own.

    Args:
        data, work_dir, iters: See :func:`tiny_config`.
        pretrain (int): Iterations of the first phase.
        interval (int): Of pictures.
        style (dict, optional): Further arguments of ``AdaINStyleHook``.
    """
    cfg = tiny_config(f'multilevel_alignment/multilevel_{PEOPLE}.py', data, work_dir, iters)
    cfg.model.train_cfg.compare_frame = 'base'
    cfg.model.alignments = dict(  # in full: the shipped config may be tuned, the tests may not
        feature=dict(
            type='DomainAdversarialLoss', feature='head.deconv_layers', loss_weight=0.1,
            discriminator=dict(type='PatchDiscriminator', in_channels=8, hidden_channels=(8,)),
            reversal=dict(schedule='warmup')),
        pose=dict(type='InformationMaximizationLoss', form='joint', temperature=0.1,
                  normalize='log', loss_weight=0.01))
    cfg.model.student_augments = [
        dict(type='AdaptiveKeypointOcclusion', prob=1., threshold=0., half_size=4)]
    cfg.optim_wrapper.paramwise_cfg = dict(custom_keys=dict(discriminator=dict(lr_mult=2.)))
    cfg.param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[4], gamma=0.1)]
    styles = next(h.style_images for h in cfg.custom_hooks if h.type == 'AdaINStyleHook')
    cfg.custom_hooks = [
        dict(type='SourcePretrainHook', iters=pretrain),
        dict({**dict(type='AdaINStyleHook', stylizer=dict(type='ChannelStatisticsTransfer'),
                     prob=0.8, target_to_source=0.5, style_images=styles, num_styles=8,
                     vis_interval=interval), **(style or {})}),
        dict(type='AverageBuffersHook'), dict(type='EMATeacherHook', momentum=0.1),
        dict(type='ConstantLRHook'), dict(type='PseudoLabelVisualizationHook', interval=interval),
        dict(type='DomainMapVisualizationHook', interval=interval)]
    return cfg
