"""Pictures of masked reconstruction, its configs, and both stages by one command."""
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from runs import PRETRAINING_ARCH, is_public, tiny_pretraining  # noqa: E402

from udapose.cli import main  # noqa: E402
from udapose.cli import two_stage as two_stage_tool  # noqa: E402
from udapose.engine import ReconstructionVisualizationHook  # noqa: E402
from udapose.engine.hooks.reconstruction_visualization_hook import _evenly_spaced  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs/masked_reconstruction'
ARCH = PRETRAINING_ARCH


@pytest.fixture(autouse=True)
def plain_config_text(monkeypatch):
    """MMEngine formats the config some seven times a run, 1 s each."""
    for name in ('yapf.yapflib.yapf_api', 'mmengine.config.config'):
        monkeypatch.setattr(f'{name}.FormatCode', lambda text, **kwargs: (text, True),
                            raising=False)


class Images(torch.utils.data.Dataset):
    """3 source images with masks and 2 target images without, of random noise on every access."""

    num_source = 3

    def __len__(self):
        return 5

    def __getitem__(self, index):
        sample = PoseDataSample(metainfo=dict(domain='source' if index < 3 else 'target'))
        if index < 3:
            mask = torch.zeros(1, 16, 24, dtype=torch.uint8)
            mask[..., :12] = 255
            sample.gt_fields = PixelData(foreground_mask=mask)
        image = np.random.randint(0, 256, (3, 16, 24), np.uint8)
        return dict(inputs=torch.from_numpy(image), data_samples=sample)


def started_hook(**kwargs):
    init_default_scope('mmpose')
    model = MODELS.build(dict(
        type='WeightedMAE', backbone=dict(
            type='MaskedViT', arch=ARCH, img_size=(16, 24), patch_size=4),
        neck=dict(decoder_embed_dim=16, decoder_depth=1, decoder_num_heads=1),
        data_preprocessor=dict(bgr_to_rgb=True, mean=[10., 20., 30.], std=[40., 50., 60.])))
    model.init_weights()
    # predicts the normalised 0, that is the mean colour, everywhere
    nn.init.zeros_(model.neck.decoder_pred.weight)
    nn.init.zeros_(model.neck.decoder_pred.bias)
    hook = ReconstructionVisualizationHook(**kwargs)
    runner = SimpleNamespace(model=model, train_dataloader=SimpleNamespace(dataset=Images()))
    hook.before_train(runner)
    return hook


def test_tiles_show_what_they_say():
    hook = started_hook(num_images=2)
    rows, errors = hook.draw()
    assert [len(row) for row in rows] == [4] * 5
    assert all(t.shape == (16, 24, 3) and t.dtype == np.uint8 for row in rows for t in row)
    for column, (domain, i) in enumerate([('source', 0), ('source', 1), ('target', 0),
                                          ('target', 1)]):
        true = hook.batches[domain]['inputs'][i].permute(1, 2, 0).numpy()[..., ::-1]
        shown, seen, pasted, full, error = (row[column] for row in rows)
        assert np.array_equal(shown, true)
        assert np.array_equal(full, np.broadcast_to(np.uint8([10, 20, 30]), full.shape))
        gaps = (seen == 128).all(-1)
        assert 0.7 < gaps.mean() < 0.8
        assert np.array_equal(pasted, np.where(gaps[..., None], full, true))
        assert np.array_equal(seen[~gaps], true[~gaps]) and not error[~gaps].any()
        grey = (error == error[..., :1]).all(-1)
        if domain == 'source':  # right half: background
            assert grey[:, 12:].all() and error[:, 12:].max() <= 0.4 * 255 + 1
            assert not grey[:, :12][gaps[:, :12]].all()
        else:
            assert error[:, 12:].max() > 150
    # the errors as their names say, over all measured images
    for side, part in (('foreground', slice(0, 12)), ('background', slice(12, 24))):
        true = np.stack([x.permute(1, 2, 0).numpy() for x in hook.batches['source']['inputs']])
        noise = hook.model.fixed_noise(3)
        hidden = hook.model.reconstruct(torch.zeros(3, 3, 16, 24), noise)[1][:, 0].bool().numpy()
        squared = ((true[..., ::-1].astype(float) - [10, 20, 30])**2).mean(-1)[:, :, part]
        assert errors[f'source/{side}'] == pytest.approx(
            np.sqrt(squared[hidden[:, :, part]].mean()), rel=1e-4)
    assert set(errors) == {'source/foreground', 'source/background', 'target/foreground'}


def test_images_are_fixed_and_random_states_are_not_touched():
    np.random.seed(5), random.seed(5), torch.manual_seed(5)
    first = started_hook(seed=1)
    after = np.random.rand(), random.random()
    np.random.seed(5), random.seed(5)
    assert after == (np.random.rand(), random.random())
    second, other = started_hook(seed=1), started_hook(seed=2)
    for a, b, c in zip(*(h.batches['source']['inputs'] for h in (first, second, other))):
        assert torch.equal(a, b) and not torch.equal(a, c)
    training = first.model.training
    assert np.array_equal(first.draw()[0], first.draw()[0]) and first.model.training == training


def test_images_are_spread_over_both_domains():
    long = type('D', (), dict(num_source=100, __len__=lambda self: 130))()
    assert _evenly_spaced(long, 3) == [0, 49, 99, 100, 114, 129]
    plain = type('D', (), dict(__len__=lambda self: 2))()
    assert _evenly_spaced(plain, 4) == [0, 1]


def test_another_model_is_refused():
    runner = SimpleNamespace(model=nn.Linear(1, 1))
    with pytest.raises(TypeError, match='draws a WeightedMAE in training, got Linear'):
        ReconstructionVisualizationHook().before_train(runner)


@pytest.mark.parametrize('name', sorted(p.name for p in CONFIGS.glob('mae_*.py')
                                        if not is_public(p)))
def test_configs_train_and_draw(name, tiny_people, tmp_path):
    runner = Runner.from_cfg(tiny_pretraining(name, tiny_people, tmp_path))
    runner.train()
    assert all(torch.isfinite(p).all() for p in runner.model.parameters())
    sheet = cv2.imread(str(tmp_path / 'vis_data/reconstruction/iter_000004.png'))
    height, width = (2 * 64, 2 * 64) if '64x64' in name else (2 * 96, 2 * 96) \
        if '96x96' in name else (256, 192)
    assert sheet.shape == (5 * height, 4 * width, 3)
    scalars = [json.loads(line) for line in
               next(tmp_path.glob('*/vis_data/scalars.json')).read_text().splitlines()]
    steps = [s['step'] for s in scalars if 'reconstruction/target/foreground' in s]
    assert steps == [2, 4]
    names = torch.load(tmp_path / 'iter_4.pth', weights_only=False)['state_dict']
    assert {n.split('.')[0] for n in names} == {'backbone', 'neck'}


def test_one_domain_alone_by_epochs(tiny_people, tmp_path):
    """Source only with a plain data set and an epoch-based loop."""
    cfg = tiny_pretraining('mae_synth-people_vit-tiny_64x64.py', tiny_people, tmp_path)
    cfg.train_dataloader.dataset = cfg.train_dataloader.dataset.source
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    cfg.train_cfg = dict(by_epoch=True, max_epochs=2)
    cfg.custom_hooks[0].update(by_epoch=True, interval=1)
    cfg.param_scheduler = None
    runner = Runner.from_cfg(cfg)
    runner.train()
    pictures = sorted(p.name for p in (tmp_path / 'vis_data/reconstruction').glob('*.png'))
    assert pictures == ['iter_000006.png', 'iter_000012.png']  # 24 images, 4 a batch


# --------------------------------------------------------------------------------- two stages
def two_stage(*args):
    return subprocess.run(
        [sys.executable, '-m', 'udapose', 'two-stage', *map(str, args)], cwd=ROOT, text=True,
        capture_output=True, env=dict(os.environ, OMP_NUM_THREADS='1', PYTHONPATH=os.pathsep.join(
            [str(ROOT / 'projects'), os.environ.get('PYTHONPATH', '')])))


def test_two_stages_by_one_command(tiny_people, tmp_path, monkeypatch, capsys):
    """Stage one once, stage two with its checkpoint; a second call trains nothing anew."""
    pretrain, finetune = tmp_path / 'first.py', tmp_path / 'second.py'
    cfg = tiny_pretraining('mae_synth-people_vit-tiny_64x64.py', tiny_people, tmp_path, iters=1)
    cfg.pop('work_dir'), cfg.pop('custom_hooks')
    pretrain.write_text(cfg.pretty_text)
    cfg.model.backbone.init_cfg = dict(
        type='Pretrained', prefix='backbone.', checkpoint='from-stage-one')
    finetune.write_text(cfg.pretty_text)
    args = pretrain, finetune, '--work-dir', tmp_path / 'work', '--cfg-options', \
        'optim_wrapper.optimizer.lr=0.0', 'optim_wrapper.optimizer.weight_decay=0.0'
    done = two_stage(*args)
    assert done.returncode == 0, done.stdout + done.stderr
    states = [torch.load(tmp_path / f'work/{name}/iter_1.pth', weights_only=False)['state_dict']
              for name in ('first', 'second')]
    assert all(torch.equal(v, states[1][k]) for k, v in states[0].items()
               if k.startswith('backbone'))
    assert any(not torch.equal(v, states[1][k]) for k, v in states[0].items())
    assert 'stage one is complete' not in done.stdout
    started = []  # a second call has nothing to do in stage one
    monkeypatch.setattr(two_stage_tool, 'run_stage', lambda *given: started.append(given) or 0.)
    assert main(['two-stage', *map(str, args)]) == 0
    assert [(title, folder.name) for title, _, folder, _ in started] == [('stage two', 'second')]
    assert started[0][3] == {
        'optim_wrapper.optimizer.lr': 0., 'optim_wrapper.optimizer.weight_decay': 0.,
        'model.backbone.init_cfg.checkpoint': str(tmp_path / 'work/first/iter_1.pth')}
    for option, stage in (('--cfg-options', 'second'), ('--pretrain-cfg-options', 'first')):
        with pytest.raises(SystemExit, match=f'work/{stage} holds another run: .*now 1'):
            # instead of passing off the old checkpoints as the new ones
            main(['two-stage', *map(str, args), option, 'seed=1'])
    assert len(started) == 1
    assert 'note:' not in capsys.readouterr().out + done.stdout
    pretrain.write_text(pretrain.read_text().replace('mask_ratio=0.75', 'mask_ratio=0.5'))
    assert main(['two-stage', *map(str, args)]) == 0  # not without a word
    assert 'note: first.py has been edited (model) since the run in' in capsys.readouterr().out


def test_a_second_stage_without_placeholder_is_refused(tmp_path):
    config = tmp_path / 'a.py'
    config.write_text("model = dict(type='X', init_cfg=dict(checkpoint='file.pth'))\n")
    done = two_stage(config, config, '--work-dir', tmp_path / 'work')
    assert done.returncode != 0 and not (tmp_path / 'work').exists()
    assert "checkpoint='from-stage-one'" in done.stderr and len(done.stderr.splitlines()) == 1


def test_two_configs_of_one_name_are_refused_before_stage_one(tmp_path):
    """Their folders in --work-dir would be one."""
    for folder in ('pretrain', 'finetune'):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / 'people.py').write_text(
            "model = dict(type='X', init_cfg=dict(checkpoint='from-stage-one'))\n"
            'train_cfg = dict(max_iters=1)\n')
    done = two_stage(tmp_path / 'pretrain/people.py', tmp_path / 'finetune/people.py',
                     '--work-dir', tmp_path / 'work')
    assert done.returncode != 0 and not (tmp_path / 'work').exists()
    assert 'both configs are named people.py' in done.stderr and 'rename' in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_placeholders_are_found_in_lists():
    cfg = dict(model=dict(a=[dict(checkpoint='from-stage-one'), dict(checkpoint='x')],
                          b=dict(init_cfg=dict(checkpoint='from-stage-one'))),
               load_from='from-stage-one')
    assert list(two_stage_tool.find_placeholders(cfg)) == [
        'model.a.0.checkpoint', 'model.b.init_cfg.checkpoint']
    cfg = dict(model=dict(checkpoint='work_dirs/mae_people'), other=dict(checkpoint='mae_hands'))
    assert list(two_stage_tool.find_placeholders(cfg, folder='mae_people')) == ['model.checkpoint']
