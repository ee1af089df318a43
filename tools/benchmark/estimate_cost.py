"""Estimate memory and time of configs on one large GPU, without one: counted, not run.

    python tools/benchmark/estimate_cost.py configs/*/*_res101_256x256.py \
        configs/masked_reconstruction/*_vit-base_256x256.py --out docs/benchmarks/recipe_costs

Counts the floating-point operations and the bytes kept for the backward pass of two images (under
bfloat16 autocast), scales them to the config's batch and adds weights, gradients, Adam's moments,
teacher, discriminator and style network. Hours assume a sustained rate, which is an assumption and
printed as one. Data loading is not considered. Writes OUT.json and OUT.md.
"""
from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import HOOKS, MODELS
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

import udapose  # noqa: F401
from udapose.config_types import is_kind

_IMAGES = 2


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', type=Path)
    parser.add_argument('--rate', type=float, default=60.,
                        help='sustained TFLOP/s; 60 is a fifth of the half-precision peak of an '
                             'A100, the peak being 312')
    parser.add_argument('--out', type=Path, default=Path('docs/benchmarks/recipe_costs'))
    return parser.parse_args()


def without_weights(cfg):
    """The config without checkpoints to look for."""
    if isinstance(cfg, dict):
        return {k: without_weights(v) for k, v in cfg.items()
                if k not in ('init_cfg', 'checkpoint', 'weights')}
    return [without_weights(v) for v in cfg] if isinstance(cfg, list) else cfg


class Count:
    """FLOPs and kept bytes per image of a function of images, and the bytes of its weights."""

    def __init__(self, module: nn.Module, run, size: tuple[int, int]) -> None:
        module.train()
        images = torch.randn(_IMAGES, 3, *size)
        kept: dict[int, int] = {}
        own = {p.data_ptr() for p in module.parameters()}

        def keep(tensor):
            if tensor.data_ptr() not in own:
                kept[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor
        with torch.autocast('cpu', torch.bfloat16):
            with torch.no_grad(), FlopCounterMode(display=False) as forward:
                run(images)
            with FlopCounterMode(display=False) as both, saved_tensors_hooks(keep, lambda x: x):
                loss = run(images)
                loss.sum().backward()
        self.forward = forward.get_total_flops() / _IMAGES
        self.train = both.get_total_flops() / _IMAGES
        self.kept = sum(kept.values()) / _IMAGES
        self.weights = 4 * sum(p.numel() for p in module.parameters())


def estimate(path: Path) -> dict:
    """Batch, iterations, TFLOPs per iteration and gigabytes of a config."""
    cfg = Config(without_weights(Config.fromfile(path).to_dict()))
    batch, iters = cfg.train_dataloader.batch_size, cfg.train_cfg.max_iters
    plain = cfg.model.get('pose_estimator', cfg.model.get('pose_model', cfg.model))
    model = MODELS.build({k: v for k, v in plain.items() if k != 'data_preprocessor'})
    if is_kind(plain, MODELS, 'WeightedMAE'):
        height = width = plain.backbone.img_size
        count = Count(model, lambda x: sum(model(x, mode='loss').values()), (height, width))
    else:
        width, height = plain.head.decoder.input_size
        count = Count(model, lambda x: _sum(model.head(model.backbone(x))), (height, width))
    flops, memory = batch * count.train, 4 * count.weights + batch * count.kept
    if 'pose_model' in cfg.model:  # the frozen encoder
        flops, memory = flops + batch * count.forward, memory + count.weights
    if 'pose_estimator' in cfg.model:
        if cfg.model.get('consistency', 'auto') is not None:  # the teacher
            flops += batch / 2 * count.forward
        memory += count.weights
        second = (cfg.model.get('alignments') or {}).get('disparity')
        if second:  # once on the source, twice on the target
            net, lift = MODELS.build(second.head), nn.Conv2d(3, second.head.in_channels, 1)
            extra = Count(nn.ModuleList([lift, net]), lambda x: _sum(net((lift(x),))),
                          second.head.decoder.heatmap_size[::-1])
            flops, memory = flops + 1.5 * batch * extra.train, memory + 1.5 * batch * extra.kept
        term = (cfg.model.get('alignments') or {}).get('feature')
        if term:
            net = MODELS.build(term.discriminator)
            maps = plain.head.decoder.heatmap_size[::-1]
            lift = nn.Conv2d(3, term.discriminator.in_channels, 1)
            extra = Count(nn.Sequential(lift, net), lambda x: net(lift(x)), maps)
            flops, memory = flops + batch * extra.train, memory + batch * extra.kept
    for hook in cfg.get('custom_hooks', ()):
        if is_kind(hook, HOOKS, 'AdaINStyleHook') and 'encoder' in hook.stylizer:
            stylizer = MODELS.build(dict(hook.stylizer, reconstruction_weight=1.))
            images = torch.randn(_IMAGES, 3, height, width)
            with torch.no_grad(), FlopCounterMode(display=False) as counter:
                code = stylizer.encode_style(images)
                stylizer(images, code, torch.ones(_IMAGES, 1, 1, 1))
            share = hook.prob + hook.get('target_to_source', 0)
            half = batch / 2 if 'pose_estimator' in cfg.model else batch
            flops += share * half * counter.get_total_flops() / _IMAGES
    return dict(batch=batch, iterations=iters, tflop=flops / 1e12, gb=memory / 2**30)


def _sum(outputs) -> torch.Tensor:
    return outputs.sum() if isinstance(outputs, torch.Tensor) else sum(_sum(o) for o in outputs)


def main() -> None:
    args = parse_args()
    init_default_scope('mmpose')
    torch.manual_seed(0)
    costs, known = {}, {}
    for path in args.configs:
        cfg = Config.fromfile(path)
        key = json.dumps([cfg.model, cfg.train_cfg, cfg.train_dataloader.batch_size,
                          [h for h in cfg.get('custom_hooks', ())
                           if is_kind(h, HOOKS, 'AdaINStyleHook') and
                           h.pop('style_images', True)]], default=str)
        if key not in known:  # the pairs share models
            known[key] = estimate(path)
        costs[path.stem] = dict(known[key])
        costs[path.stem]['hours'] = costs[path.stem]['tflop'] * costs[path.stem]['iterations'] \
            / args.rate / 3600
        print(f'{path.stem}: {costs[path.stem]["gb"]:.1f} GB, {costs[path.stem]["hours"]:.1f} h')
    args.out.with_suffix('.json').write_text(json.dumps(
        dict(rate_tflops=args.rate, costs=costs), indent=1) + '\n', encoding='utf-8')
    rows = [f'| `{name}` | {c["batch"]} | {c["iterations"]} | {c["tflop"]:.1f} | {c["gb"]:.0f} | '
            f'{c["hours"]:.1f} |' for name, c in sorted(costs.items())]
    args.out.with_suffix('.md').write_text('\n'.join([
        '# Estimated cost of the public recipes', '',
        'Counted by `tools/benchmark/estimate_cost.py`, **not run**. Memory without the '
        "allocator's overhead and the temporary results of kernels; hours at an assumed "
        f'{args.rate:g} TFLOP/s, without data loading.', '',
        '| config | images per iteration | iterations | TFLOP per iteration | GB | hours |',
        '|---|---|---|---|---|---|', *rows]) + '\n', encoding='utf-8')


if __name__ == '__main__':
    main()
