"""The tool that tells how far fine-tuning has moved a transformer's attention."""
import importlib.util
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

ROOT = Path(__file__).resolve().parent.parent
BACKBONE = dict(
    type='AttentionViT', img_size=32, patch_size=8, out_type='featmap',
    arch=dict(embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=48))


@pytest.fixture(scope='module')
def tool():
    sys.path.insert(0, str(ROOT / 'tools/benchmark'))
    spec = importlib.util.spec_from_file_location(
        'attention_drift', ROOT / 'tools/benchmark/attention_drift.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def files(tmp_path):
    """A config with four images of each domain, and encoders: pre-trained, the same, another."""
    init_default_scope('mmpose')
    random = np.random.default_rng(0)
    for domain in ('source', 'target'):
        (tmp_path / domain).mkdir()
        for i in range(4):
            cv2.imwrite(str(tmp_path / domain / f'{i}.png'),
                        random.integers(0, 256, (32, 32, 3), np.uint8))
    pipeline = [dict(type='LoadPoseImage'), dict(type='WholeImageBBox'),
                dict(type='GetBBoxCenterScale', padding=1.),
                dict(type='RecordedTopdownAffine', input_size=(32, 32)),
                dict(type='PackPoseInputs')]
    sections = {f'{domain}_test': dict(
        type='UnlabeledPoseDataset', data_root=str(tmp_path / domain), pipeline=pipeline,
        metainfo=dict(from_file='configs/_base_/datasets/coco.py'))
        for domain in ('source', 'target')}
    model = dict(pose_model=dict(
        backbone=dict(BACKBONE, init_cfg=dict(type='PretrainedViT', checkpoint='not/there')),
        data_preprocessor=dict(type='PoseDataPreprocessor', mean=[128.] * 3, std=[64.] * 3)))
    config = tmp_path / 'finetune.py'
    config.write_text('\n'.join(f'{k} = {v!r}' for k, v in dict(sections, model=model).items()))
    torch.manual_seed(0)
    weights = MODELS.build(BACKBONE).state_dict()
    other = dict(weights)
    other['layers.1.attn.qkv.weight'] = weights['layers.1.attn.qkv.weight'] * 2
    save(tmp_path / 'pretrained.pth', {'backbone.': weights})
    save(tmp_path / 'kept.pth', {'pose_model.backbone.': weights, 'auxiliary.': other})
    save(tmp_path / 'moved.pth', {'backbone.': other})
    return tmp_path


def save(path, parts):
    torch.save(dict(state_dict={prefix + name: value for prefix, weights in parts.items()
                                for name, value in weights.items()}), path)


def test_only_the_layer_that_moved_has_moved(tool, files):
    page = files / 'page.md'
    page.write_text('a\n{}\nold\n{}\nb\n'.format(*tool.MARKS))
    result = tool.main([
        str(files / 'finetune.py'), '--pretrained', str(files / 'pretrained.pth'), '--num', '3',
        '--run', f'kept={files / "kept.pth"}', '--run', f'moved={files / "moved.pth"}',
        '--page', str(page)])
    assert result['images'] == 3
    assert result['runs']['kept'] == dict(source=[0, 0], target=[0, 0])
    for domain in ('source', 'target'):
        first, last = result['runs']['moved'][domain]
        assert first == 0 and last > 0.01
    assert '| moved | target | 0.00 | ' in page.read_text() and 'old' not in page.read_text()


def test_divergence_is_the_mean_over_images_and_tokens(tool, files):
    """Against maps that are formed here, one image at a time."""
    cfg = tool.Config.fromfile(files / 'finetune.py')
    batch = tool.images(cfg, 'source', 4)
    before, after = (tool.encoder(dict(BACKBONE), str(files / name))
                     for name in ('pretrained.pth', 'moved.pth'))
    wanted = []
    with torch.no_grad():
        for image in batch:
            b, a = (m(image[None], return_attention=True)[1][1][0].mean(0) for m in (before, after))
            wanted.append(float((b * (b / a).log()).sum(-1).mean()))
    assert tool.drift(before, after, batch)[1] == pytest.approx(np.mean(wanted), rel=1e-4)


def test_a_config_without_the_domains_is_refused(tool, files):
    (files / 'bare.py').write_text('model = dict()')
    with pytest.raises(ValueError, match='no data set source_test'):
        tool.images(tool.Config.fromfile(files / 'bare.py'), 'source', 1)
