"""Every shipped config builds, trains and evaluates; one goes through MMPose's scripts."""
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpose.registry import MODELS

sys.path.insert(0, str(Path(__file__).resolve().parent))
from runs import (  # noqa: E402
    PEOPLE,
    ROOT,
    is_public,
    plain_checkpoint,
    tiny_config,
    without_style_weights,
)

from udapose.synthetic import generate  # noqa: E402

CONFIGS = sorted(str(p.relative_to(ROOT / 'configs')) for p in (ROOT / 'configs').glob('*/*.py')
                 if p.parent.parent.name == 'configs' and not p.parent.name.startswith('_')
                 and not is_public(p))
STYLE = [c for c in CONFIGS if c.startswith('style_transfer/')]
# tested in test_engine/test_reconstruction_visualization.py
PRETRAINING = [c for c in CONFIGS if c.startswith('masked_reconstruction/mae_')]
POSE_3D = [c for c in CONFIGS if c not in PRETRAINING
           and (c.startswith('masked_reconstruction/') or '-3d_' in c)]
EMBEDDED = [c for c in CONFIGS if 'synth-' in c and c not in STYLE + PRETRAINING + POSE_3D]
FOLDER = [c for c in CONFIGS if '-to-folder' in c]  # around MMPose's own configs
STOCK = [c for c in FOLDER if c.startswith('mean_teacher/')]
SOURCE_FREE = [c for c in FOLDER if c.startswith('source_free/')]


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    for kind in ('people', 'hands'):
        generate(root / kind, kind=kind, size=64, source_train=12, target_train=12, val=4, test=4,
                 workers=1)
    generate(root / 'people2', size=64, source_train=8, target_train=8, val=4, test=0, workers=1,
             version=2)
    photos = root / 'photos'
    (photos / 'images').mkdir(parents=True)
    (photos / 'annotations').mkdir()
    images, annotations, rng = [], [], np.random.default_rng(0)
    for i in range(4):
        cv2.imwrite(str(photos / f'images/{i}.jpg'), rng.integers(0, 255, (90, 60, 3), np.uint8))
        images.append(dict(id=i, file_name=f'{i}.jpg', width=60, height=90))
        keypoints = np.concatenate([rng.uniform(5, 55, (14, 2)), np.full((14, 1), 2)], 1)
        annotations.append(dict(id=i, image_id=i, category_id=1, iscrowd=0, area=2500,
                                bbox=[5, 5, 50, 50], num_keypoints=14,
                                keypoints=keypoints.ravel().tolist()))
    labels = dict(images=images, annotations=annotations, categories=[dict(id=1, name='person')])
    (photos / 'annotations/test.json').write_text(json.dumps(labels))
    crops = root / 'lspet_photos'  # in its own layout, with the flags of suspicious labels
    for i, label in enumerate(annotations):
        label.update(lr_suspect=i == 1, gross_suspect=False, suspicious=False)
    for split in ('train', 'test'):
        shutil.copytree(photos / 'images', crops / split)
        (crops / f'{split}.json').write_text(json.dumps(labels))
    return root


def pointed_at(cfg, data):
    """The config with all data roots in ``data``."""
    text = cfg.pretty_text
    for kind in ('people', 'hands', 'people2'):
        text = text.replace(f'data/synthpose/{kind}/', f'{data}/{kind}/')
    text = re.sub(r"'[^']*/lspet_photos/", f"'{data}/lspet_photos/", text)
    return Config.fromstring(text.replace('data/lspet/', f'{data}/photos/'), '.py')


def test_the_lists_are_complete():
    assert len(EMBEDDED) >= 30 and len(STOCK) == 8 and len(SOURCE_FREE) == 7 and len(STYLE) >= 3
    assert len(PRETRAINING) == 8 and len(POSE_3D) == 26
    assert len(EMBEDDED + FOLDER + STYLE + PRETRAINING + POSE_3D) == len(CONFIGS)
    names = [p.name for p in (ROOT / 'configs').glob('[!_]*/*.py')]  # the public ones, too
    assert len(names) > len(CONFIGS)
    assert len(set(names)) == len(names)  # MMPose names the work_dir after the file


@pytest.mark.parametrize('path', sorted((ROOT / 'configs').glob('[!_]*/*.py')),
                         ids=lambda p: p.stem)
def test_auto_scale_lr_changes_nothing_on_one_device(path):
    # train.py --auto-scale-lr sets `enable` and multiplies the rate by real / base batch size
    cfg = Config.fromfile(path)
    assert cfg.auto_scale_lr.base_batch_size == cfg.train_dataloader.batch_size
    assert not cfg.auto_scale_lr.get('enable', False)


def small(name, data, tmp_path):
    """An embedded config with tiny data, narrow network and two iterations."""
    cfg = pointed_at(Config.fromfile(ROOT / 'configs' / name), data)
    tiny = tiny_config(name, data / 'unused', tmp_path)
    for key in ('model', 'optim_wrapper', 'train_cfg', 'default_hooks', 'vis_backends',
                'visualizer'):
        cfg[key] = tiny[key]
    cfg.merge_from_dict(dict(work_dir=str(tmp_path), load_from=tiny.load_from,
                             experiment_name=tmp_path.name,
                             train_dataloader=dict(batch_size=4),
                             val_dataloader=dict(batch_size=4)))
    if 'batch_size' in cfg.train_dataloader.sampler:
        cfg.train_dataloader.sampler.batch_size = 4
    without_style_weights(cfg)
    return cfg


@pytest.mark.parametrize('name', EMBEDDED)
def test_embedded_configs_train_and_evaluate(name, data, tmp_path):
    runner = Runner.from_cfg(small(name, data, tmp_path))
    runner.train()
    # a source model for photographs sees none, not even to validate
    domain = 'source' if 'source-only_synth-people-to-photos' in name else 'target'
    scores = runner.message_hub.get_scalar(f'val/{domain}/PCK@0.05').data[0]
    assert len(scores) == 1 and 0 <= scores[0] <= 100
    metrics = runner.test()
    assert 0 <= metrics['target/PCK@0.1'] <= 100
    if 'people-to-photos' in name:
        assert {'target/TorsoPCK@0.2', 'unflagged/PCK@0.05', 'unflagged/TorsoPCK@0.2'} <= \
            metrics.keys()
    assert not any(torch.isnan(p).any() for p in runner.model.parameters())


@pytest.mark.parametrize('name', POSE_3D)
def test_3d_configs_train_and_evaluate(name, data, tmp_path):
    cfg = Config.fromfile(ROOT / 'configs' / name)
    plain = cfg.model.get('pose_model', cfg.model)
    # stage two takes what stage one leaves behind
    if 'scratch' not in name and 'source-only' not in name:
        folder = Path(plain.backbone.init_cfg.checkpoint).name
        assert (ROOT / f'configs/masked_reconstruction/{folder}.py').exists()
        assert folder.split('_')[1:] == Path(name).stem.split('_')[1:]
    runner = Runner.from_cfg(small(name, data, tmp_path))
    runner.train()
    metrics = runner.test()
    assert 0 < metrics['target/PA-MPJPE'] <= metrics['target/MPJPE'] < 5000
    assert 0 <= metrics['target/AUC@0-50'] <= 100
    logged = runner.message_hub.log_scalars
    assert ('train/loss_attention_source' in logged) == ('attention' in name)
    assert ('train/loss_attention_target' in logged) == ('both-domains' in name)
    assert not any(torch.isnan(p).any() for p in runner.model.parameters())


@pytest.mark.parametrize('name', STYLE)
def test_style_networks_train(name, data, tmp_path):
    cfg = pointed_at(Config.fromfile(ROOT / 'configs' / name), data)
    dataset = cfg.train_dataloader.dataset
    assert 'train_cfg' in cfg and cfg.default_hooks.checkpoint.interval <= cfg.train_cfg.max_iters
    if 'folders' in name:  # the user's own
        assert not Path(cfg.model.encoder.weights).is_absolute()
        cfg.model.encoder.update(weights=None, width=4)
        cfg.model.decoder.update(width=4)
        for domain in ('source', 'target'):
            dataset['content' if domain == 'source' else 'style'] = \
                f'{data}/people/{domain}/images/train'
        dataset.update(size=32, resize=(32, 48))
    assert str(data) in dataset.content + dataset.style
    cfg.custom_hooks[0].interval = 1
    cfg.merge_from_dict(dict(
        work_dir=str(tmp_path), experiment_name=tmp_path.name, train_cfg=dict(max_iters=2),
        train_dataloader=dict(batch_size=2, num_workers=0, persistent_workers=False),
        default_hooks=dict(checkpoint=dict(interval=2), logger=dict(interval=1))))
    runner = Runner.from_cfg(cfg)
    runner.train()
    losses = runner.message_hub.get_scalar('train/loss').data[0]
    assert len(losses) == 2 and np.isfinite(losses).all()
    assert len(list((tmp_path / 'vis_data').rglob('*.png'))) >= 2
    # what it writes is what the hook takes
    again = dict(cfg.model, checkpoint=str(tmp_path / 'iter_2.pth'), data_preprocessor=None)
    images = torch.rand(2, 3, 32, 32)
    stylizer = MODELS.build(again)
    code = stylizer.encode_style(images)
    torch.testing.assert_close(stylizer(images, code, torch.ones(2, 1, 1, 1)),
                               runner.model(images, code, torch.ones(2, 1, 1, 1)))


@pytest.mark.parametrize('name', [c for c in EMBEDDED if 'lsp14' in c and 'continued' not in c])
def test_photographs_need_no_labels(name, data, tmp_path):
    """Both phases with nothing but a folder of images (train.py --no-validate)."""
    cfg = small(name, data, tmp_path)
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_dataloader.dataset.data_root = str(tmp_path / 'no labels here')
    if 'target' in cfg.train_dataloader.dataset:
        (tmp_path / 'mine').symlink_to(data / 'photos/images')
        cfg.train_dataloader.dataset.target.data_root = str(tmp_path / 'mine')
    Runner.from_cfg(cfg).train()
    assert (tmp_path / 'iter_2.pth').exists()


def shrink(cfg):
    """The same kind of network, far smaller."""
    plain = cfg.model.pose_estimator
    backbone = plain.backbone
    if backbone.type == 'ResNet':
        backbone.update(depth=18, base_channels=8, stem_channels=8)
        plain.head.update(in_channels=64, deconv_out_channels=(8, 8, 8))
    elif backbone.type == 'HRNet':
        for i, stage in enumerate(('stage2', 'stage3', 'stage4')):
            backbone.extra[stage].update(
                num_modules=1, num_blocks=(1,) * (i + 2),
                num_channels=tuple(8 * 2**j for j in range(i + 2)))
        plain.head.in_channels = 8
    elif backbone.type == 'CSPNeXt':
        backbone.update(deepen_factor=0.167, widen_factor=0.125)
        plain.head.in_channels = 128
        plain.head.gau_cfg.update(hidden_dims=16, s=16)
        if 'neck' in plain:
            plain.neck.update(in_channels=[32, 64, 128], num_csp_blocks=1)
    else:
        backbone.arch = dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64)
        plain.head.update(in_channels=32, deconv_out_channels=(8, 8))
        cfg.optim_wrapper.paramwise_cfg.num_layers = 2
    return cfg


@pytest.fixture(scope='module')
def coco(data):
    """The file layouts of COCO, COCO-WholeBody and AP-10K, in miniature."""
    root = data / 'coco'
    people = data / 'people/source'
    labels = json.loads((people / 'annotations/train.json').read_text())
    for a in labels['annotations']:
        points, box = a['keypoints'], a['bbox']
        a['keypoints'] = points[:51]
        a['foot_kpts'], a['face_kpts'] = points[:18], points[:51] * 4
        for hand in ('lefthand', 'righthand'):
            a.update({f'{hand}_kpts': points[:63], f'{hand}_box': box, f'{hand}_valid': True})
        a.update(face_box=box, face_valid=True, foot_valid=True, segmentation=[])
    (root / 'annotations').mkdir(parents=True)
    for part in ('train', 'val'):
        for name in (f'person_keypoints_{part}2017', f'coco_wholebody_{part}_v1.0'):
            (root / f'annotations/{name}.json').write_text(json.dumps(labels))
        (root / f'{part}2017').symlink_to(people / 'images/train')
    animals = data / 'ap10k'
    (animals / 'annotations').mkdir(parents=True)
    for part in ('train', 'val', 'test'):
        (animals / f'annotations/ap10k-{part}-split1.json').write_text(json.dumps(labels))
    (animals / 'data').symlink_to(people / 'images/train')
    return root


@pytest.mark.parametrize('name', STOCK)
def test_stock_models_start_from_mmposes_own_weights(name):
    """The URL is that of MMPose's model zoo for the very config around which it is built."""
    import mmpose
    cfg = Config.fromfile(ROOT / 'configs' / name)
    zoo = Path(mmpose.__file__).parent / '.mim/configs'
    if not zoo.exists():
        pytest.skip('this MMPose was installed without its model zoo')
    text = (ROOT / 'configs' / name).read_text()
    base = text.split("'mmpose::", 1)[1].split("'", 1)[0]
    entries = [part for page in (zoo / base).parent.glob('*.yml')
               for part in page.read_text().split('- Config: ')
               if part.startswith(f'configs/{base}\n')]
    assert len(entries) == 1 and cfg.load_from in entries[0]
    assert cfg.model.pose_estimator.backbone.init_cfg is None


@pytest.mark.parametrize('name', SOURCE_FREE)
def test_source_free_is_its_neighbour_without_the_source(name):
    cfg = Config.fromfile(ROOT / 'configs' / name)
    other = Config.fromfile(ROOT / 'configs' / name.replace('source_free', 'mean_teacher').replace(
        'source-free', 'mean-teacher'))
    assert cfg.load_from == other.load_from
    assert cfg.model.pose_estimator == other.model.pose_estimator
    assert cfg.train_dataloader.dataset == other.train_dataloader.dataset.target
    assert cfg.train_dataloader.batch_size * 2 == other.train_dataloader.batch_size
    text = cfg.train_dataloader.pretty_text if hasattr(cfg.train_dataloader, 'pretty_text') else \
        str(cfg.train_dataloader)
    assert 'data/coco' not in text  # the user needs a folder and nothing else
    assert cfg.model.train_cfg.source_free and cfg.val_cfg.type == 'LabelFreeValLoop'


def small_stock(name, coco, data, tmp_path):
    """A config around one of MMPose's, for two iterations on miniature data."""
    cfg = shrink(Config.fromfile(ROOT / 'configs' / name))
    text = cfg.pretty_text.replace("'data/coco/", f"'{coco}/").replace(
        "'data/ap10k/", f"'{data}/ap10k/").replace(
        "'data/my_images/", f"'{data}/people/target/images/train/")
    cfg = Config.fromstring(text, '.py')
    cfg.merge_from_dict(dict(
        work_dir=str(tmp_path), load_from=None, experiment_name=tmp_path.name,
        train_cfg=dict(max_iters=2, val_interval=2), default_hooks=dict(logger=dict(interval=1)),
        train_dataloader=dict(batch_size=4, num_workers=0, persistent_workers=False)))
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        if loader:
            loader.update(num_workers=0, persistent_workers=False)
            loader.dataset.bbox_file = None
    return cfg


def predicts(work_dir, data, joints):
    """The exported model works in stock MMPose."""
    from mmpose.apis import inference_topdown, init_model
    out = work_dir / 'exported'
    plain = init_model(str(out / 'config.py'), str(out / 'model.pth'), device='cpu')
    image = next((data / 'people/target/images/test').glob('*.jpg'))
    assert inference_topdown(plain, str(image))[0].pred_instances.keypoints.shape == (1, joints, 2)


@pytest.mark.parametrize('name', STOCK)
def test_stock_models_adapt(name, coco, data, tmp_path):
    """ResNet, HRNet, ViTPose, RTMPose from `mmpose::` configs, on public layouts and a folder."""
    cfg = small_stock(name, coco, data, tmp_path)
    cfg.train_dataloader.sampler.batch_size = 4
    runner = Runner.from_cfg(cfg)
    before = {k: v.clone() for k, v in runner.model.teacher.state_dict().items()}
    runner.train()
    assert (tmp_path / 'last_checkpoint').exists()
    joints = runner.model.teacher.head.out_channels
    assert joints == len(runner.train_dataloader.dataset.metainfo['keypoint_id2name'])
    assert any(not torch.equal(v, before[k]) for k, v in runner.model.teacher.state_dict().items())
    metrics = runner.test()
    assert metrics and all(v == v for v in metrics.values())
    if 'coco-to-folder' in name:
        assert len(runner.message_hub.get_scalar('val/coco/AP').data[0]) == 1
        assert 'coco/AP' in metrics
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'Failed to search registry' not in log  # RTMPose's backbone without MMDetection
    predicts(tmp_path, data, joints)


@pytest.mark.parametrize('name', SOURCE_FREE)
def test_stock_models_adapt_without_source_images(name, coco, data, tmp_path):
    cfg = small_stock(name, coco, data, tmp_path)
    cfg.load_from = plain_checkpoint(cfg, tmp_path)
    cfg.val_cfg.label_free = dict(num_images=4)
    runner = Runner.from_cfg(cfg)
    runner.train()
    logged = runner.message_hub.log_scalars
    assert 'train/loss_distillation' in logged and 'train/loss_kpt' not in logged
    assert len(runner.message_hub.get_scalar('val/label_free/agreement').data[0]) == 1
    predicts(tmp_path, data, len(runner.train_dataloader.dataset.metainfo['keypoint_id2name']))


def script(name, *args):
    return subprocess.run([sys.executable, f'tools/{name}.py', *map(str, args)], cwd=ROOT,
                          capture_output=True, text=True)


def people_keys(data):
    return [f'train_dataloader.dataset.source.data_root={data}/people/source/',
            f'train_dataloader.dataset.target.data_root={data}/people/target/images/train/',
            f'val_dataloader.dataset.data_root={data}/people/target/']


def test_one_config_through_mmposes_scripts(data, tmp_path):
    """tools/train.py and tools/test.py, steered by --cfg-options alone."""
    config = f'configs/mean_teacher/mean-teacher_{PEOPLE}.py'
    done = script('train', config, '--work-dir', tmp_path, '--cfg-options', *people_keys(data),
                  'load_from=None', 'train_cfg.max_iters=2', 'train_dataloader.batch_size=4',
                  'train_dataloader.sampler.batch_size=4')
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / 'exported/model.pth').exists()
    done = script('test', config, tmp_path / 'iter_2.pth', '--work-dir', tmp_path / 'test',
                  '--cfg-options', f'test_dataloader.dataset.data_root={data}/people/target/')
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(next((tmp_path / 'test').glob('*/*.json')).read_text())
    assert 'target/PCK@0.05' in result


def test_an_empty_target_folder_stops_early(data, tmp_path):
    (tmp_path / 'empty').mkdir()
    keys = [k for k in people_keys(data) if '.target.' not in k]
    done = script('train', f'configs/mean_teacher/mean-teacher_{PEOPLE}.py', '--work-dir', tmp_path,
                  '--cfg-options', *keys, 'load_from=None',
                  f'train_dataloader.dataset.target.data_root={tmp_path}/empty/')
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert str(tmp_path / 'empty') in last and 'Iter(train)' not in done.stdout + done.stderr
