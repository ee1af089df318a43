"""Every recipe on public data trains and evaluates on miniature data in the original formats."""
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.registry import DATASETS

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS), str(TESTS / 'test_datasets/test_public')]
from mini import (  # noqa: E402
    animal_pose,
    freihand,
    ganerated,
    hand_3d_studio,
    human36m_3d,
    human36m_uda,
    lsp,
    mpi_inf_3dhp,
    panoptic_hands,
    rhd,
    stb,
    surreal_uda,
    synthetic_animal,
    three_dpw,
    tigdog,
)
from runs import ROOT, is_public, without_style_weights  # noqa: E402

FOLDERS = {
    'surreal_processed': [surreal_uda], 'lsp': [lsp], 'h36m_uda': [human36m_uda],
    'RHD_published_v2': [rhd], 'H3D_crop': [hand_3d_studio], 'FreiHAND_pub_v2': [freihand],
    'animal_data': [synthetic_animal, tigdog, animal_pose], 'STB': [stb],
    'GANeratedHands_Release': [ganerated], 'panoptic': [panoptic_hands], 'h36m': [human36m_3d],
    '3dpw': [three_dpw], 'mpi_inf_3dhp': [mpi_inf_3dhp]}
PAIRS_2D = ('surreal-to-lsp', 'surreal-to-h36m', 'rhd-to-h3d', 'freihand-to-rhd',
            'synthetic-animal-to-tigdog', 'synthetic-animal-to-animalpose')
PAIRS_3D = ('freihand-to-stb', 'freihand-to-rhd', 'freihand-to-panoptic', 'freihand-to-ganerated',
            'h36m-to-3dpw', 'h36m-to-mpi-inf-3dhp', 'h36m-to-surreal')
METHODS_2D = ('source_only/source-only', 'style_only/style-only', 'uniframe/uniframe',
              'multilevel_alignment/multilevel', 'oracle/oracle', 'hamipose/hamipose',
              'regda/regda')
METHODS_3D = ('mae', 'scratch', 'finetune', 'attention-regularized')
RECIPES_2D = [f'{method}_{pair}_res101_256x256.py' for pair in PAIRS_2D for method in METHODS_2D]
RECIPES_3D = [f'{method}_{pair}_vit-base_256x256.py' for pair in PAIRS_3D
              for method in (*(f'masked_reconstruction/{m}' for m in METHODS_3D), 'oracle/oracle')]
STYLE = [f'style_transfer/adain-vgg19_{pair}_256x256.py' for pair in PAIRS_2D]
FAMILIES = ['multilevel_alignment/multilevel_surreal-to-lsp_res101_256x256.py',
            'uniframe/uniframe_freihand-to-rhd_res101_256x256.py',
            'multilevel_alignment/multilevel_synthetic-animal-to-tigdog_res101_256x256.py',
            'masked_reconstruction/scratch_freihand-to-stb_vit-base_256x256.py',
            'masked_reconstruction/attention-regularized_h36m-to-3dpw_vit-base_256x256.py']


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('public')
    for folder, modules in FOLDERS.items():
        for module in modules:
            module.write(root / folder)
    return root


def small(name, data, work_dir):
    """A recipe with its data in ``data``, a narrow network and two iterations."""
    cfg = Config.fromfile(ROOT / 'configs' / name)
    text = cfg.pretty_text
    for folder in FOLDERS:
        text = text.replace(f"'data/{folder}/'", f"'{data}/{folder}/'")
    assert "'data/" not in text  # no other data than the documented folders
    cfg = Config.fromstring(text, '.py')
    plain = cfg.model.get('pose_estimator', cfg.model.get('pose_model', cfg.model))
    if plain.backbone.type == 'ResNet':
        plain.backbone.update(depth=18, base_channels=4, stem_channels=4, init_cfg=None)
        plain.head.update(in_channels=32, deconv_out_channels=(8, 8, 8))
    else:
        plain.backbone.update(init_cfg=None, arch=dict(
            embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=24))
        if 'neck' in plain:
            plain.neck.update(decoder_embed_dim=12, decoder_depth=1, decoder_num_heads=1)
        else:
            plain.head.update(in_channels=24, deconv_out_channels=(8, 8))
            cfg.optim_wrapper.paramwise_cfg.num_layers = 2
    for term in filter(None, cfg.model.get('alignments', {}).values()):
        if 'discriminator' in term:
            term.discriminator.update(in_channels=8, hidden_channels=(4,))
        if 'head' in term:
            term.head.update(in_channels=8, conv_out_channels=(4,))
    without_style_weights(cfg)
    for hook in cfg.custom_hooks:
        if hook.type == 'AdaINStyleHook':
            hook.stylizer.encoder.update(weights=None, width=4)
            hook.stylizer.decoder.update(width=4)
        for key in ('interval', 'num_images', 'num_measured'):
            if key in hook:
                hook[key] = 2
    cfg.train_dataloader.update(batch_size=4, num_workers=0, persistent_workers=False)
    if 'batch_size' in cfg.train_dataloader.sampler:
        cfg.train_dataloader.sampler.batch_size = 4
    cfg.merge_from_dict(dict(
        work_dir=str(work_dir), load_from=None, experiment_name=work_dir.name,
        train_cfg=dict(max_iters=2),
        default_hooks=dict(checkpoint=dict(interval=2), logger=dict(interval=1))))
    if cfg.get('val_dataloader'):
        cfg.train_cfg.val_interval = 2
        for loader in (cfg.val_dataloader, cfg.test_dataloader):
            loader.update(batch_size=4, num_workers=0)
            loader.dataset.indices = 4
    for dataset in datasets_of(cfg.train_dataloader.dataset):
        dataset.serialize_data = False  # MMEngine collects garbage for each
    cfg.visualizer.name = work_dir.name
    cfg.vis_backends = cfg.visualizer.vis_backends = [dict(type='LocalVisBackend')]
    return cfg


def datasets_of(cfg):
    """The data sets below a config of one."""
    return [cfg[key] for key in ('source', 'target', 'content', 'style') if key in cfg] or [cfg]


def test_the_lists_are_complete():
    found = {str(p.relative_to(ROOT / 'configs')) for p in (ROOT / 'configs').glob('[!_]*/*.py')
             if is_public(p)}
    assert found == set(RECIPES_2D + RECIPES_3D + STYLE) and len(found) == 83
    assert set(FAMILIES) <= found


@pytest.mark.parametrize('name', RECIPES_2D)
def test_2d_recipes_train_and_evaluate(name, data, tmp_path):
    cfg = small(name, data, tmp_path)
    runner = Runner.from_cfg(cfg)
    runner.train()
    scores = runner.message_hub.get_scalar('val/target/PCK@0.05').data[0]
    assert len(scores) == 1 and 0 <= scores[0] <= 100
    assert all(torch.isfinite(p).all() for p in runner.model.parameters())
    if 'animal' in name:
        keys = runner.message_hub.log_scalars
        assert any(key.startswith('val/target/PCK@0.05/') and key.count('/') == 3 for key in keys)
    train = runner.train_dataloader.dataset
    if hasattr(train, 'source') and 'oracle' not in name:  # the target is unlabelled
        assert 'keypoints' in train.source.get_data_info(0)
        assert not any('keypoints' in key for key in train.target.get_data_info(0)
                       if key not in train.metainfo)


@pytest.mark.parametrize('name', RECIPES_3D)
def test_3d_recipes_train_and_evaluate(name, data, tmp_path):
    runner = Runner.from_cfg(small(name, data, tmp_path))
    runner.train()
    assert all(torch.isfinite(p).all() for p in runner.model.parameters())
    if '/mae_' in name:
        assert np.isfinite(runner.message_hub.get_scalar('train/loss').data[0]).all()
        return
    keys = [k for k in runner.message_hub.log_scalars if k.startswith('val/target/')]
    assert any('MPJPE' in k for k in keys)
    assert all(np.isfinite(runner.message_hub.get_scalar(k).data[0]).all() for k in keys)
    # stage two takes what stage one leaves behind
    cfg = Config.fromfile(ROOT / 'configs' / name)
    start = cfg.model.get('pose_model', cfg.model).backbone.get('init_cfg')
    assert ('scratch' in name) == (start is None)
    decay = 1. if 'scratch' in name else 0.75  # made for layers that have learnt something
    assert cfg.optim_wrapper.paramwise_cfg.layer_decay_rate == decay
    if start:
        folder = Path(start.checkpoint).name
        assert (ROOT / f'configs/masked_reconstruction/{folder}.py').exists()


@pytest.mark.parametrize('name', STYLE)
def test_style_networks_of_the_recipes_find_their_images(name, data):
    cfg = Config.fromfile(ROOT / 'configs' / name)
    text = cfg.pretty_text
    for folder in FOLDERS:
        text = text.replace(f"'data/{folder}/'", f"'{data}/{folder}/'")
    dataset = DATASETS.build(Config.fromstring(text, '.py').train_dataloader.dataset)
    item = dataset[0]
    assert item['inputs']['content'].shape == item['inputs']['style'].shape == (3, 256, 256)
    # phase 1 and 2 take what it writes
    stem = Path(name).stem
    pair = stem.split('_')[1]
    for method in ('style_only/style-only', 'multilevel_alignment/multilevel'):
        other = Config.fromfile(ROOT / f'configs/{method}_{pair}_res101_256x256.py')
        hook = next(h for h in other.custom_hooks if h.type == 'AdaINStyleHook')
        assert hook.stylizer.checkpoint == \
            f'work_dirs/{stem}/iter_{cfg.train_cfg.max_iters}.pth'


@pytest.mark.parametrize('name', RECIPES_2D)
def test_phases_follow_each_other(name):
    cfg = Config.fromfile(ROOT / 'configs' / name)
    if cfg.get('load_from'):
        folder = Path(cfg.load_from).parent.name
        method = folder.split('_')[0]
        before = Config.fromfile(
            ROOT / f'configs/{method.replace("-", "_")}/{folder}.py')
        assert Path(cfg.load_from).name == f'iter_{before.train_cfg.max_iters}.pth'


@pytest.mark.parametrize('name', FAMILIES)
def test_a_recipe_of_each_family_by_mmposes_scripts(name, data, tmp_path):
    cfg = small(name, data, tmp_path / 'work')
    cfg.dump(tmp_path / 'recipe.py')
    for script, *more in (['train.py'], ['test.py', str(tmp_path / 'work/iter_2.pth')]):
        done = subprocess.run(
            [sys.executable, str(ROOT / 'tools' / script), str(tmp_path / 'recipe.py'), *more,
             '--work-dir', str(tmp_path / 'work')], capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stderr[-3000:]
    assert 'target/' in done.stdout + done.stderr


@pytest.mark.parametrize('name', [n for n in RECIPES_2D if 'multilevel' in n])
def test_animals_have_sigma_1_and_mean_only_normalisation_others_do_not(name):
    cfg = Config.fromfile(ROOT / 'configs' / name)
    plain = cfg.model.pose_estimator
    animals = 'animal' in name
    assert plain.head.decoder.sigma == (1 if animals else 2)
    assert plain.data_preprocessor.std == ([255] * 3 if animals else [58.395, 57.12, 57.375])
    names = [t.type for t in cfg.train_dataloader.dataset.source.pipeline]
    assert ('AnimalSourceAugmentation' in names) == animals
    assert ('RandomSquareCrop' in names) == (not animals)
    target = cfg.train_dataloader.dataset.target
    rotation, = [t.rotate_factor for t in target.pipeline[-1].student if 'rotate_factor' in t]
    assert rotation == (180 if 'rhd' in name else 60) and not target.labels


@pytest.mark.parametrize('name', [n for n in RECIPES_2D if 'multilevel' in n])
def test_hyper_parameters_are_the_published_ones(name):
    cfg = Config.fromfile(ROOT / 'configs' / name)
    model = cfg.model
    assert [model.consistency.loss_weight, model.alignments.feature.loss_weight,
            model.alignments.pose.loss_weight] == [1.0, 0.1, 0.3]
    assert model.train_cfg.confidence_quantile == 0.5
    assert model.student_augments[0].threshold == 0.9
    assert cfg.optim_wrapper.optimizer == dict(type='Adam', lr=1e-4)
    assert cfg.train_dataloader.batch_size == 64 and cfg.train_cfg.max_iters == 30 * 500
    assert cfg.param_scheduler[0].milestones == [(44 - 40) * 500, (59 - 40) * 500]
    ema, = [h for h in cfg.custom_hooks if h.type == 'EMATeacherHook']
    assert ema.momentum == pytest.approx(1 - 0.999) and ema.buffers == 'keep'


@pytest.mark.parametrize('name', [n for n in RECIPES_2D if 'hamipose' in n])
def test_hamiposes_settings_are_those_of_the_summaries(name):
    cfg = Config.fromfile(ROOT / 'configs' / name)
    optimizer, (warmup, cosine) = cfg.optim_wrapper.optimizer, cfg.param_scheduler
    assert (optimizer.lr, optimizer.mu, optimizer.eps) == (1e-3, 0.99, 1e-8)
    assert (warmup.end, cosine.end, cfg.train_dataloader.batch_size) == (500, 30 * 500, 64)
    rule = cfg.model.gradient_rule
    assert (rule.gamma, rule.gamma_warmup, cfg.model.consistency.loss_weight) == (2., 0.1, 1.)
    ema, = [h for h in cfg.custom_hooks if h.type == 'EMATeacherHook']
    assert ema.momentum == pytest.approx(1 - 0.99)
    target = cfg.train_dataloader.dataset.target
    assert [t.rotate_factor for t in target.pipeline[-1].teacher if 'rotate_factor' in t] == [30]
    assert not target.labels


@pytest.mark.parametrize('name', [n for n in RECIPES_2D if 'regda' in n])
def test_regdas_settings_are_those_of_its_code(name):
    model = Config.fromfile(ROOT / 'configs' / name).model
    term = model.alignments.disparity
    assert model.consistency is None and model.test_cfg.predict_on == 'student'
    assert (term.margin, term.loss_weight, term.feature) == (4., 1., 'head.deconv_layers')
    assert term.head.out_channels == model.pose_estimator.head.out_channels
