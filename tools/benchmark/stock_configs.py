"""Which of MMPose's own top-down 2D configs can be adapted: try every one of them.

    python tools/benchmark/stock_configs.py                 # all (resumable), writes the table
    python tools/benchmark/stock_configs.py --only rtmpose  # those whose path holds the word

Each model is built with fewer layers where that keeps its interfaces, trained for two iterations
on random images with labels from the config's own codec (with and without source images),
exported, built again from the export, and compared with the teacher. The data sets are not needed.
"""
from __future__ import annotations

import argparse
import copy
import json
import tempfile
from collections import Counter
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

ROOT = Path(__file__).resolve().parents[2]
STOCK = Path(mmpose.__file__).parent / '.mim' / 'configs'
FAMILIES = ('topdown_heatmap', 'rtmpose', 'simcc', 'topdown_regression', 'integral_regression',
            'dwpose')
RESULTS = ROOT / 'docs/benchmarks/stock_configs.json'


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
    if isinstance(backbone.get('arch'), dict) and 'num_layers' in backbone.arch:
        backbone.arch.num_layers = 2
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
    torch.manual_seed(0)
    model.init_weights()
    model.train()
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


def table(results: dict) -> str:
    """Markdown: configs by folder, and every reason."""
    rows = Counter()
    for path, result in results.items():
        task, family = path.split('/')[:2]
        rows[task, family, 'adapts' if set(result.values()) == {'adapts'} else 'refused'] += 1
    lines = ['| task | family | adapt | refused |', '|---|---|---|---|']
    for task, family in sorted({k[:2] for k in rows}):
        lines.append(f'| {task} | {family} | {rows[task, family, "adapts"]} | '
                     f'{rows[task, family, "refused"] or ""} |')
    return '\n'.join(lines)


def main() -> None:
    """Try them and keep the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--only', default='', help='only paths that hold this word')
    parser.add_argument('--out', type=Path, default=RESULTS, help='results as json')
    args = parser.parse_args()
    results = json.loads(args.out.read_text(encoding='utf-8')) if args.out.exists() else {}
    for path in stock_configs():
        if args.only not in path or path in results:
            continue
        results[path] = {name: try_config(path, source)
                         for name, source in (('two_domain', True), ('source_free', False))}
        print(path, results[path], flush=True)
        args.out.write_text(json.dumps(results, indent=1, sort_keys=True) + '\n',
                            encoding='utf-8')
    print(table(results))


if __name__ == '__main__':
    main()
