"""What `step_cost.py` compares: style transfers, discriminators, whole steps."""
from __future__ import annotations

import copy

from mmengine.config import Config
from mmpose.registry import HOOKS

from udapose.config_types import is_kind
from udapose.configs import config_root

JOINTS = 16
CHANNELS = {18: 512, 50: 2048, 101: 2048}  # of the last stage, by depth of the ResNet
CONFIG = 'multilevel_alignment/multilevel_synth-people_res18-w32_64x64{}.py'

# Style networks have random weights: costs do not depend on them.
NETS = {
    'vgg19': dict(type='AdaINStyleTransfer', encoder=dict(type='VGG19StyleEncoder'),
                  decoder=dict(type='StyleDecoder')),
    'small': dict(type='AdaINStyleTransfer', encoder=dict(type='SmallStyleEncoder'),
                  decoder=dict(type='SmallStyleDecoder'), reconstruction_weight=1.),
    'lab': dict(type='ChannelStatisticsTransfer', space='lab'),
    'fourier': dict(type='FourierAmplitudeTransfer'),
}
# Style transfer; `cached` takes the target's statistics from a bank. `net` is a key of NETS.
STYLES = {
    'VGG-19': dict(net='vgg19'),
    'VGG-19, cached': dict(net='vgg19', cached=True),
    'VGG-19, cached, half resolution': dict(net='vgg19', cached=True, resize=0.5),
    'VGG-19, cached, bfloat16': dict(net='vgg19', cached=True, dtype='bfloat16'),
    'small net': dict(net='small'),
    'small net, cached': dict(net='small', cached=True),
    'Lab statistics, cached': dict(net='lab', cached=True),
    'Fourier amplitudes, cached': dict(net='fourier', cached=True),
}
PUBLISHED = dict(hidden_channels=(256, 128, 128))  # PatchDiscriminator, 3x3
# Domain discriminators: the feature they look at and their arguments without in_channels.
DISCRIMINATORS = {
    'published, last deconvolution': ('head.deconv_layers', PUBLISHED),
    'published, pooled 2x2': ('head.deconv_layers', dict(PUBLISHED, pool=2)),
    'published, pooled 4x4': ('head.deconv_layers', dict(PUBLISHED, pool=4)),
    'published with 1x1 convolutions': ('head.deconv_layers', dict(PUBLISHED, kernel_size=1)),
    '1x1, 64 channels, pooled 4x4': (
        'head.deconv_layers', dict(hidden_channels=(64,), kernel_size=1, pool=4)),
    '1x1, 64 channels, last backbone stage': (
        'backbone.layer4', dict(hidden_channels=(64,), kernel_size=1)),
}
# Whole steps: suffix of the config whose settings are taken, key of STYLES ('config': what the
# config's AdaINStyleHook says, None: no style), changes of the model, goal in multiples of base.
STEPS = {
    'published': ('_published', 'VGG-19', {}, 1.70),
    'published, cached statistics': ('_published', 'VGG-19, cached', {}, 1.57),
    'recommended': ('', 'config', {}, 1.20),
    'mean teacher alone': ('', None, dict(alignments=None, student_augments=[]), None),
}


def estimator(depth: int, size: int) -> dict:
    """Config of SimpleBaseline: ResNet, three deconvolutions of 256 channels."""
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[123.675, 116.28, 103.53],
                               std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
        backbone=dict(type='ResNet', depth=depth),
        head=dict(
            type='HeatmapHead', in_channels=CHANNELS[depth], out_channels=JOINTS,
            loss=dict(type='KeypointMSELoss', use_target_weight=True),
            decoder=dict(type='MSRAHeatmap', input_size=(size, size),
                         heatmap_size=(size // 4, size // 4), sigma=2)))


def model_config(suffix: str) -> dict:
    """``model`` of the multi-level alignment config with this suffix."""
    return copy.deepcopy(Config.fromfile(config_root() / CONFIG.format(suffix)).model.to_dict())


def config_style(suffix: str) -> dict | None:
    """What the AdaINStyleHook of a config says, as in :data:`STYLES`."""
    hooks = Config.fromfile(config_root() / CONFIG.format(suffix)).custom_hooks
    cfg = next((h for h in hooks if is_kind(h, HOOKS, 'AdaINStyleHook')), None)
    if cfg is None:
        return None
    net = {k: v for k, v in cfg['stylizer'].items() if k != 'checkpoint'}
    return dict(net=net, prob=cfg.get('prob', 0.5), cached='style_images' in cfg,
                resize=cfg.get('resize', 1.), dtype=cfg.get('dtype'))


def config_discriminator(suffix: str) -> tuple[str, dict] | None:
    """A config's domain discriminator, as in :data:`DISCRIMINATORS`."""
    for term in (model_config(suffix).get('alignments') or {}).values():
        if term and 'discriminator' in term:
            return term['feature'], {k: v for k, v in term['discriminator'].items()
                                     if k not in ('type', 'in_channels')}
    return None
