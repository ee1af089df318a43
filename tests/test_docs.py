"""The configs on the pages of multi-level alignment's parts, as they stand there."""
import re
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

sys.path.insert(0, str(Path(__file__).resolve().parent))
from runs import ROOT, tiny_config, tiny_pretraining  # noqa: E402

from udapose.datasets import UnlabeledPoseDataset  # noqa: E402
from udapose.synthetic import generate  # noqa: E402

PAGES = ('adversarial', 'attention_regularization', 'hamipose', 'information_maximization',
         'pose_3d', 'regda', 'source_free', 'student_augments', 'style_transfer', 'two_phase')
FENCE = re.compile(r'```python\n(# my_config\.py\n.*?)```', re.DOTALL)


def snippets(page):
    path = ROOT / f'docs/{page}.md'
    return FENCE.findall(path.read_text()) if path.exists() else []


CASES = [(page, i) for page in PAGES for i in range(len(snippets(page)))]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    out = tmp_path_factory.mktemp('people')
    generate(out, kind='people', size=64, source_train=12, target_train=12, val=4, test=4,
             workers=1)
    return out


def test_every_page_has_a_config():
    assert {page for page, _ in CASES} == set(PAGES)


@pytest.mark.parametrize('page,index', CASES)
def test_the_config_is_short_and_trains(page, index, data, tmp_path):
    text = snippets(page)[index]
    code = [line for line in text.splitlines() if line.split('#')[0].strip()]
    assert len(code) <= 12 and max(map(len, text.splitlines())) <= 110
    config = tmp_path / 'my_config.py'
    config.write_text(text.replace("'configs/", f"'{ROOT}/configs/"))
    written = Config.fromfile(config)
    cfg = tiny_config(config, data, tmp_path / 'work')
    for hook in cfg.custom_hooks:
        if 'style_images' in hook and isinstance(hook.style_images, str):
            assert hook.style_images.startswith('data/synthpose/people/') or str(data) in \
                hook.style_images  # the tiny data was put in its place
        if hook.type == 'SourcePretrainHook':
            assert 0 < hook.iters < written.train_cfg.max_iters
            hook.iters = 1
    runner = Runner.from_cfg(cfg)
    runner.train()
    logged = runner.message_hub.log_scalars
    for key in ('adversarial_accuracy', 'loss_information', 'loss_consistency',
                'loss_attention_source', 'loss_depth', 'loss_disparity_truth', 'gradient_gate'):
        expected = {'loss_attention_source': page == 'attention_regularization',
                    'loss_depth': page == 'pose_3d',
                    'adversarial_accuracy': page == 'adversarial',
                    'loss_information': page == 'information_maximization',
                    'loss_disparity_truth': page == 'regda', 'gradient_gate': page == 'hamipose',
                    'loss_consistency': page == 'source_free' or 'mean-teacher' in text
                    and page != 'regda' and 'consistency=None' not in text}[key]
        assert (f'train/{key}' in logged) == expected, key
    assert all(torch.isfinite(p).all() for p in runner.model.parameters())
    score = 'AUC@0-50' if page == 'pose_3d' else 'PCK@0.05'
    scores = runner.message_hub.get_scalar(f'val/target/{score}').data[0]
    assert 0 <= scores[-1] <= 100


def test_pretraining_of_own_folders(data, tmp_path):
    text = (ROOT / 'docs/masked_autoencoder.md').read_text()
    [snippet] = re.findall(r'```python\n(# my_pretraining\.py\n.*?)```', text, re.DOTALL)
    config = tmp_path / 'my_pretraining.py'
    config.write_text(snippet.replace("'configs/", f"'{ROOT}/configs/"))
    runner = Runner.from_cfg(tiny_pretraining(config, data, tmp_path / 'my_pretraining'))
    runner.train()
    assert torch.isfinite(torch.as_tensor(
        runner.message_hub.get_scalar('train/loss').data[0])).all()
    assert list(tmp_path.glob('my_pretraining/iter_*.pth'))


def test_pipeline_with_masks(data):
    text = (ROOT / 'docs/masks.md').read_text()
    init_default_scope('mmpose')
    snippet = re.search(r'```python\n(load_mask = .*?)```', text, re.DOTALL)[1]
    scope = {}
    exec(snippet.replace('data/synthpose/people', str(data)), scope)
    assert len(scope['pipeline']) == 7
    images = UnlabeledPoseDataset(
        data_root=str(data / 'source/images/train') + '/', pipeline=scope['pipeline'],
        metainfo=dict(from_file=str(ROOT / 'configs/_base_/datasets/metainfo/'
                                           'synth_people_source.py')))
    masks = [images[i]['foreground_mask'] for i in range(len(images))]
    assert {(m.shape, m.dtype.name) for m in masks} == {((64, 64), 'uint8')}
    shares = [(m > 127).mean() for m in masks]
    assert all(0.01 < share < 0.9 for share in shares)
    found = re.search(r'```python\n(from udapose.datasets import check_masks\n.*?)```', text,
                      re.DOTALL)[1].replace('data/synthpose/people', str(data))
    import_line, call = found.splitlines()
    scope = dict(dataset=images)
    exec(import_line, scope)
    assert eval(call, scope) == {}
    assert len(eval(call.replace("'../masks'", "'../nothing'"), scope)) == len(images)


@pytest.mark.parametrize('page', [*PAGES, 'masked_autoencoder', 'masked_reconstruction', 'masks',
                                  'metrics_3d', 'costs'])
def test_links_lead_somewhere(page):
    text = (ROOT / f'docs/{page}.md').read_text()
    targets = [t.split('#')[0] for t in re.findall(r'\]\(([^)]+)\)', text) if '://' not in t]
    assert targets
    missing = [t for t in targets if t and not (ROOT / 'docs' / t).exists()]
    assert not missing


@pytest.mark.parametrize('page,components', [
    ('adversarial', ['DomainAdversarialLoss', 'PatchDiscriminator', 'GradientReversal']),
    ('information_maximization', ['InformationMaximizationLoss']),
    ('student_augments', ['AdaptiveKeypointOcclusion', 'RandomBlockMask']),
    ('style_transfer', ['AdaINStyleHook']),
    ('hamipose', ['KeypointGradientGate', 'KickDriftKick']),
    ('regda', ['RegressionDisparity'])])
def test_the_tables_name_every_argument(page, components):
    import inspect

    from mmengine.registry import OPTIMIZERS
    from mmpose.registry import HOOKS, MODELS

    from udapose.models.layers.gradient_reversal import GradientReversal
    text = (ROOT / f'docs/{page}.md').read_text()
    for name in components:
        kind = GradientReversal if name == 'GradientReversal' else MODELS.get(name) or HOOKS.get(
            name) or OPTIMIZERS.get(name)
        for argument in inspect.signature(kind).parameters:
            if argument not in ('init_cfg', 'negative_slope', 'gamma', 'discriminator', 'params'):
                assert argument in text, f'{name}.{argument}'
