r"""What attention maps and their regularization cost, against mmpretrain's plain encoder.

    python tools/benchmark/attention_cost.py --out docs/benchmarks/attention_cost.json \
        --page docs/attention_regularization.md

Forward and backward passes of one encoder on the same batch, interleaved in one process: as
mmpretrain has it, ours, ours with the last layer's map in the loss, and ours with the auxiliary
encoder and the regularization. One thread, CPU time; reports the median of each pass / mmpretrain's
of the same round, with quartiles.
"""
from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

try:
    import udapose  # noqa: F401
except ImportError:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'projects'))
    import udapose  # noqa: F401
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from step_report import publish

from udapose.models.utils.attention_maps import attention_maps

MARKS = ('<!-- attention_cost: begin -->', '<!-- attention_cost: end -->')
PLAIN = "mmpretrain's encoder"
ARCH = dict(embed_dims=192, num_layers=6, num_heads=3, feedforward_channels=768)


def passes(batch_size: int) -> dict:
    """Functions that return a loss, by name; equal weights, equal images."""
    init_default_scope('mmpose')
    common = dict(arch=ARCH, img_size=64, patch_size=8, out_type='featmap')
    theirs = MODELS.build(dict(common, type='mmpretrain.VisionTransformer'))
    ours = MODELS.build(dict(common, type='AttentionViT'))
    ours.load_state_dict(theirs.state_dict())
    auxiliary = MODELS.build(dict(common, type='AttentionViT')).requires_grad_(False).eval()
    regularization = MODELS.build(dict(type='AttentionRegularizationLoss', distance='kl'))
    images = torch.randn(batch_size, 3, 64, 64)

    def with_map() -> torch.Tensor:
        with attention_maps(ours, (-1,)) as maps:
            loss = ours(images)[0].square().mean()
        return loss + sum(m.square().mean() for m in maps.values())

    def regularized() -> torch.Tensor:
        with attention_maps(ours, (-1,)) as maps:
            loss = ours(images)[0].square().mean()
        with torch.no_grad(), attention_maps(auxiliary, (-1,)) as wanted:
            auxiliary(images)
        return loss + regularization(maps, wanted)

    return {PLAIN: lambda: theirs(images)[0].square().mean(),
            '`AttentionViT`': lambda: ours(images)[0].square().mean(),
            "with the last layer's map": with_map,
            'with auxiliary encoder and regularization': regularized}


def seconds(function) -> float:
    """CPU time of one forward and backward pass."""
    begin = time.process_time()
    function().backward()
    return time.process_time() - begin


def table(result: dict) -> str:
    """The results as Markdown."""
    rows = [f'ViT-tiny, 64 px, batch {result["batch_size"]}, PyTorch {result["torch"]}, '
            f'{result["device"]}, median (quartiles) of {result["rounds"]} interleaved rounds.', '',
            f'| forward and backward pass | / {PLAIN} |', '|---|---|',
            *(f'| {name} | {median:.2f} ({low:.2f} to {high:.2f}) |'
              for name, (low, median, high) in result['ratio'].items())]
    return '\n'.join(rows)


def main(argv: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=20)
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--out', type=Path)
    parser.add_argument('--page', type=Path, help='Markdown file with markers for the table')
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    functions = passes(args.batch_size)
    rounds = [{k: seconds(f) for k, f in functions.items()} for _ in range(args.rounds + 2)][2:]
    result = dict(
        torch=torch.__version__, rounds=args.rounds, batch_size=args.batch_size,
        device='cpu, 1 thread, CPU time', ratio={
            name: [round(v, 3) for v in statistics.quantiles(
                [r[name] / r[PLAIN] for r in rounds], n=4, method='inclusive')]
            for name in functions if name != PLAIN})
    publish(result, table(result), MARKS, args.out, args.page)
    return result


if __name__ == '__main__':
    main()
