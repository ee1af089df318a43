"""Adapt one of MMPose's own configs for two iterations, export it, compare: used by
`stock_configs.py`."""
from __future__ import annotations

import copy
import tempfile
from pathlib import Path

import mmpose
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import load_checkpoint
from mmpose.datasets.transforms import GenerateTarget
from mmpose.registry import MODELS, TRANSFORMS

import udapose  # noqa: F401  (registers everything)
from udapose.export import export

STOCK = Path(mmpose.__file__).parent / '.mim' / 'configs'
FAMILIES = ('topdown_heatmap', 'rtmpose', 'simcc', 'topdown_regression', 'integral_regression',
            'dwpose')


def stock_configs() -> list[str]:
    """Paths below MMPose's ``configs/`` of all top-down 2D configs, of every folder."""
    paths = [p.relative_to(STOCK).as_posix() for p in STOCK.rglob('*.py')
             if '_base_' not in p.parts]
    return sorted(p for p in paths if p.count('/') >= 2 and '2d' in p.split('/')[0]
                  and p.split('/')[1] in FAMILIES)


def reduced(model: dict) -> dict:
    """Fewer layers, the same interfaces, no pre-trained weights to download."""
    model = copy.deepcopy(model)
    backbone = model.backbone
    for part in (model, backbone):
        part.pop('init_cfg', None)
    if backbone.get('depth') in (101, 152, 200, 269):
        backbone.depth = 50
    if 'deepen_factor' in backbone:
        backbone.deepen_factor = min(backbone.deepen_factor, 0.167)
    if backbone.type == 'mmpretrain.VisionTransformer' and isinstance(backbone.arch, str):
        backbone.arch = dict(MODELS.get(backbone.type).arch_zoo[backbone.arch])
    if isinstance(backbone.get('arch'), dict) and 'num_layers' in backbone.arch:
        backbone.arch.num_layers = 2
    if backbone.type in ('HRNet', 'HRFormer'):
        for name in ('stage2', 'stage3', 'stage4'):
            stage = backbone.extra[name]
            stage.update(num_modules=1, num_blocks=(1,) * len(stage.num_blocks))
    return model


def labelled_samples(cfg: Config, count: int) -> list:
    """Samples whose labels the config's own codec made of random keypoints."""
    codec = cfg.codec if 'codec' in cfg else None
    pipeline = cfg.train_dataloader.dataset.get('pipeline') or cfg.train_pipeline
    generate = next(t for t in pipeline if str(t['type']).endswith('GenerateTarget'))
    encode = GenerateTarget(**{k: v for k, v in generate.items() if k != 'type'})
    pack = TRANSFORMS.build(dict(type='PackBranches', branch='source'))
    size = (codec[-1] if isinstance(codec, list) else codec)['input_size']
    joints = joint_count(cfg)
    rng = np.random.default_rng(0)
    samples = []
    for _ in range(count):
        points = rng.uniform(0.2, 0.8, (1, joints, 2)) * np.asarray(size)
        results = dict(
            img=rng.integers(0, 255, (size[1], size[0], 3), np.uint8), input_size=size,
            transformed_keypoints=points.astype(np.float32), keypoints=points.astype(np.float32),
            keypoints_visible=np.ones((1, joints), np.float32), flip=False,
            input_matrix=np.eye(3, dtype=np.float32), flip_indices=[*range(joints)],
            dataset_keypoint_weights=np.ones(joints, np.float32))
        samples.append(pack(encode(results)))
    return samples


def joint_count(cfg: Config) -> int:
    """Number of keypoints that the head predicts."""
    head = cfg.model.head
    return head.get('out_channels') or head.get('num_joints')


def make_batch(cfg: Config, source: bool, count: int = 2) -> tuple[dict, dict]:
    """A two-domain batch as the preprocessor would give it, random views included."""
    packed = {branch: labelled_samples(cfg, count) for branch in
              ('source', 'target_teacher', 'target_student')}
    rng = np.random.default_rng(1)
    inputs, samples = {}, {}
    for branch, items in packed.items():
        inputs[branch] = torch.stack([i['inputs']['source'] for i in items]).float() / 128 - 1
        samples[branch] = [i['data_samples']['source'] for i in items]
        for sample in samples[branch] if branch != 'source' else ():
            matrix = np.eye(3, dtype=np.float32)
            matrix[:2, 2] = rng.uniform(-5, 5, 2)
            sample.set_metainfo(dict(input_matrix=matrix))
    if not source:
        del inputs['source'], samples['source']
    return inputs, samples


def try_config(path: str, source: bool = True) -> str:
    """Adapt one config.

    Args:
        path (str): Below MMPose's ``configs/``.
        source (bool): With source images, or on the target alone.

    Returns:
        str: ``'adapts'``, or why it was refused.

    Raises:
        AssertionError: It seemed to adapt, but something is wrong with the result.
    """
    cfg = Config.fromfile(STOCK / path)
    init_default_scope('mmpose')
    cfg.model = reduced(cfg.model) if 'backbone' in cfg.model else cfg.model
    plain = copy.deepcopy(cfg.model)
    adapted = dict(type='MeanTeacherPoseEstimator', pose_estimator=plain)
    if not source:
        adapted['train_cfg'] = dict(source_free=True)
    try:
        model = MODELS.build(adapted)
    except (ValueError, TypeError) as error:
        return f'refused: {error}'
    except (KeyError, ImportError) as error:
        try:
            MODELS.build({k: v for k, v in plain.items() if k != 'data_preprocessor'})
        except (KeyError, ImportError):
            return f'refused: MMPose cannot build it itself ({error.args[0]})'
        raise
    torch.manual_seed(0)
    model.init_weights()
    if isinstance(getattr(model.student.head, 'fc', None), torch.nn.Linear):
        # random regression predicts the corner, where the student's view may end: no pseudo-label
        model.student.head.fc.bias.data.fill_(0.5)
        model.copy_student_to_teacher()
    model.train()
    for module in model.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            # at once what the batch has: after two steps of a tenth, deep random networks overflow
            module.momentum = 1.
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-6)
    start = [p.detach().clone() for p in model.student.parameters()]
    for _ in range(2):
        losses = model(*make_batch(cfg, source), mode='loss')
        total, _ = model.parse_losses(losses)
        optimizer.zero_grad()
        total.backward()
        if not torch.isfinite(total):
            raise AssertionError(f'{path}: the loss is {total}')
        optimizer.step()
        model.update_teacher(0.5)
    if all(torch.equal(a, b) for a, b in zip(start, model.student.parameters(), strict=True)):
        raise AssertionError(f'{path}: nothing was trained')
    model.eval()
    cfg.model = Config(adapted)._cfg_dict
    with tempfile.TemporaryDirectory() as folder:
        export(cfg, dict(state_dict=model.state_dict()), folder)
        written = Config.fromfile(Path(folder) / 'config.py')
        again = MODELS.build(written.model).eval()
        load_checkpoint(again, str(Path(folder) / 'model.pth'), map_location='cpu', strict=True)
    inputs = make_batch(cfg_with(cfg, plain), True)[0]['source']
    with torch.no_grad():
        # heads with several inputs of a stage return lists
        expected, found = (flat(m.head.forward(m.extract_feat(inputs)))
                           for m in (model.teacher, again))
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(a, b)
    return 'adapts'


def cfg_with(cfg: Config, model: dict) -> Config:
    """The same config around the plain model."""
    cfg = copy.deepcopy(cfg)
    cfg.model = model
    return cfg


def flat(output) -> list[torch.Tensor]:
    """Tensors of a nested output."""
    return [output] if isinstance(output, torch.Tensor) else [t for o in output for t in flat(o)]
