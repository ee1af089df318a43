r"""torch's fused attention against PlainAttentionHook's products on a CPU, forward and backward.

    python tools/benchmark/attention_speed.py --out docs/benchmarks/attention_speed.json \
        --page docs/costs.md

Shapes are those of the embedded ViT-tiny (16 images, 3 heads of 64 channels): 65 tokens are 64
pixels, 145 are 96, 257 are 128. One thread, CPU time, interleaved; the median of fused / plain.
"""
from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from step_report import publish
from torch import Tensor

from udapose.engine.hooks.plain_attention_hook import plain_attention

MARKS = ('<!-- attention_speed: begin -->', '<!-- attention_speed: end -->')


def seconds(attention: Callable[..., Tensor], tokens: int, dtype: torch.dtype) -> float:
    """One forward and backward pass."""
    qkv = [torch.randn(16, 3, tokens, 64, dtype=dtype, requires_grad=True) for _ in range(3)]
    begin = time.process_time()
    attention(*qkv).sum().backward()
    return time.process_time() - begin


def table(result: dict) -> str:
    """The results as Markdown."""
    rows = [f'PyTorch {result["torch"]}, {result["device"]}, median of {result["rounds"]} rounds.',
            '', '| tokens, type | fused / plain |', '|---|---|',
            *(f'| {name} | {ratio} |' for name, ratio in result['fused_over_plain'].items())]
    return '\n'.join(rows)


def main(argv: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=40)
    parser.add_argument('--out', type=Path)
    parser.add_argument('--page', type=Path, help='Markdown file with markers for the table')
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    result = dict(torch=torch.__version__, rounds=args.rounds, device='cpu, 1 thread, CPU time',
                  fused_over_plain={})
    for tokens in (65, 145, 257):
        for dtype in (torch.bfloat16, torch.float32):
            ratios = [seconds(F.scaled_dot_product_attention, tokens, dtype)
                      / seconds(plain_attention, tokens, dtype) for _ in range(args.rounds + 3)]
            result['fused_over_plain'][f'{tokens} tokens, {dtype}'.replace('torch.', '')] = round(
                statistics.median(ratios[3:]), 2)
    publish(result, table(result), MARKS, args.out, args.page)
    return result


if __name__ == '__main__':
    main()
