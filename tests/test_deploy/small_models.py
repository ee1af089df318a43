"""Small plain models of the families that are exported, as folders of `udapose export`."""
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from udapose.export import export

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'test_models'))
from tiny_models import FAMILIES  # noqa: E402

_DARK = dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1.5,
             unbiased=True)
_UDP = dict(type='UDPHeatmap', input_size=(64, 64), heatmap_size=(16, 16), sigma=1.5)
_MSE = dict(type='KeypointMSELoss', use_target_weight=True)


def _stage(branches):
    return dict(num_modules=1, num_branches=branches, block='BASIC' if branches > 1 else
                'BOTTLENECK', num_blocks=(1,) * branches,
                num_channels=(4, 8, 12, 16)[:branches])


MORE = dict(
    hrnet=dict(
        backbone=dict(type='HRNet', in_channels=3, extra=dict(
            stage1=dict(_stage(1), num_channels=(16,)), stage2=_stage(2), stage3=_stage(3),
            stage4=_stage(4))),
        head=dict(type='HeatmapHead', in_channels=4, out_channels=3, deconv_out_channels=None,
                  loss=_MSE, decoder=_DARK)),
    vit=dict(
        backbone=dict(type='mmpretrain.VisionTransformer', img_size=(64, 64), patch_size=16,
                      arch=dict(embed_dims=32, num_layers=2, num_heads=2,
                                feedforward_channels=64),
                      with_cls_token=False, out_type='featmap'),
        head=dict(type='HeatmapHead', in_channels=32, out_channels=3,
                  deconv_out_channels=(16, 16), deconv_kernel_sizes=(4, 4), loss=_MSE,
                  decoder=_UDP)))
NAMES = ('nose', 'left_eye', 'right_eye')
SWAPS = ('', 'right_eye', 'left_eye')
METAINFO = dict(
    dataset_name='three', joint_weights=[1.] * 3, sigmas=[0.05] * 3,
    keypoint_info={i: dict(id=i, name=NAMES[i], color=[255, 0, 0], type='', swap=SWAPS[i])
                   for i in range(3)},
    skeleton_info={0: dict(link=NAMES[:2], id=0, color=[0, 255, 0]),
                   1: dict(link=NAMES[::2], id=1, color=[0, 0, 255])})


def training_config(family, **test_cfg):
    """A config as a training has it, for 64x64 crops."""
    model = dict(type='TopdownPoseEstimator', **{**FAMILIES, **MORE}[family], test_cfg=test_cfg,
                 data_preprocessor=dict(type='PoseDataPreprocessor', bgr_to_rgb=True,
                                        mean=[123.675, 116.28, 103.53],
                                        std=[58.395, 57.12, 57.375]))
    init_default_scope('mmpose')
    udp = family == 'vit'
    return Config(dict(default_scope='mmpose', model=model, test_dataloader=dict(dataset=dict(
        type='CocoDataset', data_mode='topdown', metainfo=METAINFO,
        pipeline=[dict(type='LoadImage'), dict(type='GetBBoxCenterScale'),
                  dict(type='TopdownAffine', input_size=(64, 64), use_udp=udp),
                  dict(type='PackPoseInputs')]))))


def weights(config, seed=0):
    """A state dict whose outputs have peaks: what ``init_weights`` gives is nearly flat."""
    torch.manual_seed(seed)
    model = MODELS.build(config.model)
    for p in model.parameters():
        p.data += 0.05 * torch.randn_like(p)
    return dict(state_dict=model.state_dict())


def plain_folder(family, out, **test_cfg):
    """``config.py`` and ``model.pth`` of a small model."""
    config = training_config(family, **test_cfg)
    # with other seeds some joint's heatmap is negative everywhere
    return export(config, weights(config, seed=int(family == 'heatmap')), out)
