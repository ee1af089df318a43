"""Old and wrapped checkpoints load with a count, or are refused with a reason."""
import copy
from collections import OrderedDict

import pytest
import torch
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from mmpose.registry import MODELS

from udapose.models.pose_estimators.checkpoint_formats import load_weights, model_entries

CODEC = dict(type='MSRAHeatmap', input_size=(32, 32), heatmap_size=(16, 16), sigma=1.5)
ARCH = dict(embed_dims=16, num_layers=1, num_heads=1, feedforward_channels=16)
PLAIN = dict(
    type='TopdownPoseEstimator',
    backbone=dict(type='AttentionViT', arch=ARCH, img_size=32, patch_size=8, with_cls_token=False),
    head=dict(type='HeatmapHead', in_channels=16, out_channels=3, deconv_out_channels=(8, 8),
              deconv_kernel_sizes=(4, 4), decoder=CODEC,
              loss=dict(type='KeypointMSELoss', use_target_weight=True)))
WRAPPERS = dict(
    teacher=dict(type='MeanTeacherPoseEstimator', pose_estimator=PLAIN),
    pose_model=dict(type='AttentionRegularizedPoseEstimator', pose_model=PLAIN))


def build(kind):
    return MODELS.build(copy.deepcopy(PLAIN if kind == 'plain' else WRAPPERS[kind]))


def state():
    model = build('plain')
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model.state_dict()


def with_averages(s):
    """As mmcv's EMA hook registers its buffers."""
    return {**s, **{f'ema_{k.replace(".", "_")}': v + 1 for k, v in s.items()}}


def of_mmpose_0(s):
    old = OrderedDict((k.replace('head.', 'keypoint_head.', 1) if k.startswith('head.') else k, v)
                      for k, v in s.items())
    return old


FORMS = dict(
    whole=lambda s: dict(state_dict=s, meta={}), bare=lambda s: s,
    ddp=lambda s: dict(state_dict={f'module.{k}': v for k, v in s.items()}),
    averages=lambda s: dict(state_dict=with_averages(s)),
    ddp_averages=lambda s: {f'module.{k}': v for k, v in with_averages(s).items()},
    mmpose_0=lambda s: dict(state_dict=of_mmpose_0(s)),
    ddp_mmpose_0=lambda s: dict(state_dict={f'module.{k}': v for k, v in of_mmpose_0(s).items()}),
    single=lambda s: dict(state_dict={f'pose_model.{k}': v for k, v in s.items()}))


@pytest.fixture
def said(monkeypatch):
    lines = []
    for module in ('checkpoint_formats', 'branch_checkpoint', 'attention_regularized'):
        monkeypatch.setattr(f'udapose.models.pose_estimators.{module}.print_log',
                            lambda text, **kwargs: lines.append(text))
    return lines


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('kind', ['teacher', 'pose_model'])
def test_load_from(kind, form, said):
    """As Runner.load_from does."""
    model, weights = build(kind), state()
    _load_checkpoint_to_model(model, FORMS[form](dict(weights)), strict=False)
    loaded = getattr(model, kind).state_dict()
    assert all(torch.equal(loaded[k], v) for k, v in weights.items())
    count = len(weights)
    if (kind, form) != ('pose_model', 'single'):
        assert any(f'{count} of {count} entries' in line for line in said)
    assert any(f'{count} entries ema_' in line for line in said) == ('averages' in form)


@pytest.mark.parametrize('form', FORMS)
@pytest.mark.parametrize('kind', ['plain', 'teacher'])
def test_the_tools(kind, form):
    model, weights = build(kind), state()
    load_weights(model, FORMS[form](dict(weights)))
    loaded = (model if kind == 'plain' else model.teacher).state_dict()
    assert all(torch.equal(loaded[k], v) for k, v in weights.items())


def test_a_plain_model_is_not_loaded_in_part():
    backbone = {k: v for k, v in state().items() if k.startswith('backbone.')}
    with pytest.raises(RuntimeError, match='wrong checkpoint.*It holds backbone alone, no head'):
        load_weights(build('plain'), backbone)


def test_a_backbone_alone_is_counted_by_load_from(said):
    weights = state()
    backbone = {k: v for k, v in weights.items() if k.startswith('backbone.')}
    _load_checkpoint_to_model(build('teacher'), dict(backbone), strict=False)
    assert any(f'{len(backbone)} of {len(weights)} entries' in line and
               'not in the checkpoint: head.' in line for line in said)


@pytest.mark.parametrize('kind', ['teacher', 'pose_model'])
def test_refused_by_load_from(kind):
    raw = {k.removeprefix('backbone.'): v for k, v in state().items() if k.startswith('backbone.')}
    with pytest.raises(RuntimeError, match='wrong checkpoint: none of its entries.*init_cfg'):
        _load_checkpoint_to_model(build(kind), raw, strict=False)
    only = {k: v for k, v in with_averages(state()).items() if k.startswith('ema_')}
    with pytest.raises(RuntimeError, match='only copies of an EMA hook of mmcv'):
        _load_checkpoint_to_model(build(kind), only, strict=False)


def test_refused_by_the_tools():
    with pytest.raises(ValueError, match='holds no weights, only meta, message_hub'):
        model_entries(dict(meta={}, message_hub={}))
    with pytest.raises(RuntimeError, match='only copies of an EMA hook of mmcv'):
        model_entries({'ema_backbone_conv1_weight': torch.zeros(1)})


def test_versions_of_the_modules_are_kept():
    """By them MMPose decides whether entries are old."""
    given = build('plain').state_dict()
    wrapped = OrderedDict((f'module.{k}', v) for k, v in given.items())
    wrapped._metadata = OrderedDict((f'module.{k}', v) for k, v in given._metadata.items())
    assert model_entries(wrapped)._metadata['head'] == given._metadata['head']
