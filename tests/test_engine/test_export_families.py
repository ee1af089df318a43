"""One export of each kind of model that a config is shipped for.

A kind is wrapper, backbone, head, codec and test pipeline. ``export`` itself compares what it
wrote with the trained model, so here it is enough that it succeeds, and what is in the files.
"""
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import KEYPOINT_CODECS, MODELS
from runs import ROOT

from udapose.config_types import is_from
from udapose.export import export
from udapose.export_config import inner_model_config

NAMES = sorted(str(p.relative_to(ROOT / 'configs')) for p in (ROOT / 'configs').glob('[!_]*/*.py')
               if p.parent.name != 'style_transfer' and not p.name.startswith('mae_'))


def kind(cfg):
    """What must be exported in its own way."""
    plain, wrapper = inner_model_config(cfg)
    dataset = (cfg.get('test_dataloader') or cfg.val_dataloader).dataset
    return (str(wrapper), plain['backbone']['type'], plain['head']['type'],
            plain['head']['decoder']['type'],
            ' '.join(step['type'] for step in dataset.get('pipeline', ())))


def families():
    """The first config of each kind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        found = {}
        for name in NAMES:
            found.setdefault(kind(Config.fromfile(ROOT / 'configs' / name)), name)
    return found


FAMILIES = families()


def narrowed(cfg):
    """The same kind of network, far smaller; returns its plain part."""
    plain = cfg.model.get('pose_estimator', cfg.model.get('pose_model', cfg.model))
    backbone, head = plain.backbone, plain.head
    if backbone.type == 'ResNet':
        backbone.update(depth=18, base_channels=4, stem_channels=4)
        width = 32
    elif backbone.type == 'CSPNeXt':
        last = backbone.get('arch_ovewrite') or [[512, 1024]]  # of P5
        width = int(last[-1][1] * backbone.widen_factor)
        backbone.update(deepen_factor=0.05, norm_cfg=dict(type='BN'))
        if 'neck' in plain:  # CSPNeXtPAFPN's own widths stay
            width = head.in_channels
    elif backbone.type == 'HRNet':
        for i, stage in enumerate(('stage2', 'stage3', 'stage4')):
            backbone.extra[stage].update(
                num_modules=1, num_blocks=(1,) * (i + 2),
                num_channels=tuple(8 * 2**j for j in range(i + 2)))
        width = 8
    elif backbone.type == 'MobileNetV2':
        width = head.in_channels
    else:
        backbone.arch = dict(embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=24)
        width = 24
    head.in_channels = width
    if head.get('deconv_out_channels'):
        head.deconv_out_channels = (8,) * len(head.deconv_out_channels)
    return plain


def checkpoint(cfg, wrapper):
    """Random weights with everything that a training keeps beside them."""
    plain = {k: v for k, v in narrowed(cfg).to_dict().items() if k != 'data_preprocessor'}
    plain['backbone'].pop('init_cfg', None)
    model = MODELS.build(plain)
    state = {k: torch.randn(v.shape) * 0.1 if v.is_floating_point() else v
             for k, v in model.state_dict().items()}
    state = {k: v.abs() + 0.5 if k.endswith('running_var') else v for k, v in state.items()}
    if wrapper == 'pose_estimator':
        # the branch that is evaluated is exported
        other = {'teacher': 'student', 'student': 'teacher'}
        branch = (cfg.model.get('test_cfg') or {}).get('predict_on', 'teacher')
        return {**{f'{branch}.{k}': v for k, v in state.items()},
                **{f'{other[branch]}.{k}': v + 1 for k, v in state.items()},
                'alignments.feature.discriminator.net.0.weight': torch.zeros(1)}, state
    if wrapper == 'pose_model':
        return {**{f'pose_model.{k}': v for k, v in state.items()},
                'auxiliary.cls_token': torch.zeros(1)}, state
    return state, state


def test_all_kinds_are_found():
    wrappers, backbones, heads = (({k[i] for k in FAMILIES}) for i in range(3))
    assert wrappers == {'None', 'pose_estimator', 'pose_model'}
    assert backbones == {'ResNet', 'HRNet', 'AttentionViT', 'mmpretrain.VisionTransformer',
                         'CSPNeXt', 'MobileNetV2'}
    assert {'HeatmapHead', 'VolumetricHeatmapHead'} <= heads


@pytest.mark.parametrize('name', FAMILIES.values())
def test_export(name, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    cfg = Config.fromfile(ROOT / 'configs' / name)
    given, expected = checkpoint(cfg, inner_model_config(cfg)[1])
    out = export(cfg, dict(state_dict=given), tmp_path / 'exported')
    saved = torch.load(out / 'model.pth', weights_only=False)
    assert saved['state_dict'].keys() == expected.keys()
    assert all(torch.equal(saved['state_dict'][k], v) for k, v in expected.items())
    plain = Config.fromfile(out / 'config.py')
    assert plain.model.type == 'TopdownPoseEstimator'
    assert not is_from(plain.model.backbone.type, MODELS)
    ours = is_from(plain.model.head.type, MODELS) or is_from(plain.codec.type, KEYPOINT_CODECS)
    assert plain.get('custom_imports', {}).get('imports', []) == (['udapose'] if ours else [])
    joints = len(plain.test_dataloader.dataset.metainfo.keypoint_info)
    assert len(saved['meta']['dataset_meta']['keypoint_id2name']) == joints
