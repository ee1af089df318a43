r"""How far a fine-tuning has moved a transformer's attention from its pre-trained encoder's.

    python tools/benchmark/attention_drift.py CONFIG --pretrained WORK_DIR_OF_THE_PRETRAINING \
        --run full=WORK_DIR --run 'without the term'=WORK_DIR [--out FILE --page FILE]

CONFIG is that of a fine-tuning with the data sets `source_test` and `target_test`; a run may be a
folder, whose last checkpoint is taken, or a checkpoint. Reports for each layer, run and domain the
mean over images of what `AttentionRegularizationLoss(distance='kl')` measures: the divergence, in
nats, of a token's attention (averaged over heads) from the pre-trained one. No label is read.
"""
from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

import udapose  # noqa: F401  (before MMPose: its compat fixes what MMPose imports)

# isort: split
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS
from step_report import publish
from torch import Tensor, nn

from udapose.models.utils.attention_maps import attention_maps
from udapose.models.utils.vit_checkpoint import load_vit, read_state_dict

MARKS = ('<!-- attention drift: begin -->', '<!-- attention drift: end -->')
DOMAINS = ('source', 'target')


def encoder(cfg: dict, checkpoint: str) -> nn.Module:
    """The pose model's transformer with the weights of a file or of a folder's last checkpoint."""
    wrapped = any(name.startswith('pose_model.') for name in read_state_dict(checkpoint))
    model = MODELS.build(dict(cfg, init_cfg=None))
    load_vit(model, checkpoint, 'pose_model.backbone' if wrapped else None)
    return model.eval()


def images(cfg: Config, domain: str, number: int) -> Tensor:
    """(N, 3, H, W), normalised: evenly spread images of a test set.

    Raises:
        ValueError: The config names no such data set.
    """
    section = cfg.get(f'{domain}_test')
    if section is None:
        raise ValueError(f'{cfg.filename} has no data set {domain}_test')
    dataset = DATASETS.build(section)
    chosen = np.linspace(0, len(dataset) - 1, min(number, len(dataset))).round().astype(int)
    preprocess = MODELS.build(pose_model(cfg)['data_preprocessor'])
    return preprocess(pseudo_collate([dataset[int(i)] for i in chosen]), False)['inputs']


def pose_model(cfg: Config) -> dict:
    """The plain model's part of a config, in a wrapper or not."""
    return cfg.model.get('pose_model', cfg.model)


@torch.no_grad()
def drift(reference: nn.Module, model: nn.Module, batch: Tensor) -> list[float]:
    """Mean divergence of each layer's attention from the reference's, nats."""
    loss = MODELS.build(dict(type='AttentionRegularizationLoss', distance='kl'))
    layers = range(len(reference.layers))
    maps = []
    for encoder_ in (model, reference):
        with attention_maps(encoder_, layers) as found:
            encoder_(batch)
        maps.append(found)
    return [float(loss([maps[0][i]], [maps[1][i]])) for i in layers]


def table(result: dict) -> str:
    """The results as Markdown."""
    number = len(next(iter(result['runs'].values()))[DOMAINS[0]])
    layers = ' | '.join(str(i + 1) for i in range(number))
    lines = [f'KL divergence from the pre-trained encoder in nats, layer by layer; '
             f'{result["images"]} test images of each domain, `{result["config"]}`:', '',
             f'| run | images | {layers} |', '|---' * (number + 2) + '|']
    for name, domains in result['runs'].items():
        lines += [f'| {name} | {domain} | ' + ' | '.join(f'{v:.2f}' for v in values) + ' |'
                  for domain, values in domains.items()]
    return '\n'.join(lines)


def main(argv: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=Path)
    parser.add_argument('--pretrained', required=True, metavar='FOLDER_OR_FILE')
    parser.add_argument('--run', action='append', required=True, metavar='NAME=FOLDER_OR_FILE')
    parser.add_argument('--num', type=int, default=200, help='images of each domain')
    parser.add_argument('--out', type=Path)
    parser.add_argument('--page', type=Path, help='Markdown file with markers for the table')
    args = parser.parse_args(argv)
    if not all('=' in run for run in args.run):
        parser.error('--run is NAME=FOLDER_OR_FILE')
    cfg = Config.fromfile(args.config)
    init_default_scope('mmpose')
    backbone = pose_model(cfg)['backbone']
    reference = encoder(backbone, args.pretrained)
    runs = {name: encoder(backbone, path)
            for name, path in (run.split('=', 1) for run in args.run)}
    found = {name: {} for name in runs}
    for domain in DOMAINS:
        batch = images(cfg, domain, args.num)
        for name, model in runs.items():
            parts = [np.array(drift(reference, model, part)) * len(part)
                     for part in batch.split(50)]
            found[name][domain] = [round(v, 3) for v in sum(parts) / len(batch)]
    result = dict(config=args.config.stem, images=len(batch), runs=found)
    publish(result, table(result), MARKS, args.out, args.page)
    return result


if __name__ == '__main__':
    main()
