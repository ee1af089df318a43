r"""A training step of WeightedMAE against mmpretrain's MAE, interleaved in one process.

    python tools/benchmark/mae_speed.py --steps 24 --batch-size 32 \
        --out docs/benchmarks/mae_speed.json --page docs/masked_autoencoder.md

Both have the same networks, the same batch and the same optimizer; ours has foreground masks and
unequal weights. The time is that of the process's CPU time on a CPU, and of the synchronised wall
clock on a GPU. Reports the median ratio ours / mmpretrain's over pairs of steps, with quartiles.
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
from mmpretrain.models import MAE
from step_report import publish

MARKS = ('<!-- mae_speed: begin -->', '<!-- mae_speed: end -->')

SIZES = dict(
    tiny=(dict(embed_dims=192, num_layers=6, num_heads=3, feedforward_channels=768), 64, 8,
          dict(decoder_embed_dim=128, decoder_depth=2, decoder_num_heads=4)),
    small=(dict(embed_dims=384, num_layers=12, num_heads=12, feedforward_channels=1536), 224, 16,
           dict(decoder_embed_dim=256, decoder_depth=4, decoder_num_heads=8)))


def models(size: str, norm_pix: bool) -> dict:
    """Both models with equal weights."""
    arch, side, patch, decoder = SIZES[size]
    init_default_scope('mmpose')
    theirs = MAE(
        backbone=dict(type='mmpretrain.MAEViT', arch=arch, img_size=side, patch_size=patch),
        neck=dict(type='mmpretrain.MAEPretrainDecoder', num_patches=(side // patch)**2,
                  patch_size=patch, embed_dim=arch['embed_dims'], **decoder),
        head=dict(type='mmpretrain.MAEPretrainHead', norm_pix=norm_pix, patch_size=patch, loss=dict(
            type='mmpretrain.PixelReconstructionLoss', criterion='L2')),
        data_preprocessor=dict(type='mmpretrain.SelfSupDataPreprocessor'))
    ours = MODELS.build(dict(
        type='WeightedMAE', neck=decoder,
        backbone=dict(type='MaskedViT', arch=arch, img_size=side, patch_size=patch),
        loss=dict(type='WeightedReconstructionLoss', foreground_weight=1., background_weight=0.2,
                  normalize_pixels=norm_pix)))
    theirs.init_weights()
    ours.load_state_dict(theirs.state_dict())
    return dict(mmpretrain=theirs, udapose=ours)


def sentence(result: dict) -> str:
    """The result as Markdown."""
    low, median, high = (f'{v:.2f}' for v in result['ratio'].values())
    return (f'A training step of the {result["size"]} model with masks and unequal weights takes '
            f"**{median}** of the time of mmpretrain's MAE (median of {result['steps']} "
            f'interleaved pairs, quartiles {low} and {high}; batch {result["batch_size"]}, '
            f'PyTorch {result["torch"]}, {result["device"]}).')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--size', choices=SIZES, default='tiny')
    parser.add_argument('--batch-size', type=int, default=64)
    parser.add_argument('--steps', type=int, default=30, help='pairs of steps')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--out', type=Path)
    parser.add_argument('--page', type=Path, help='Markdown file with markers for the sentence')
    args = parser.parse_args()
    torch.set_num_threads(1)
    on_gpu = torch.device(args.device).type != 'cpu'
    clock = time.perf_counter if on_gpu else time.process_time
    side = SIZES[args.size][1]
    images = torch.randn(args.batch_size, 3, side, side, device=args.device)
    masks = (torch.rand(args.batch_size, 1, side, side, device=args.device) > 0.7).float()

    nets = {k: m.to(args.device) for k, m in models(args.size, norm_pix=True).items()}
    optimizers = {k: torch.optim.AdamW(m.parameters(), lr=1e-4) for k, m in nets.items()}

    def step(name: str) -> float:
        if on_gpu:
            torch.cuda.synchronize()
        begin = clock()
        optimizers[name].zero_grad()
        losses = nets[name].loss(images, None) if name == 'mmpretrain' else \
            nets[name](images, None, masks, mode='loss')
        sum(losses.values()).backward()
        optimizers[name].step()
        if on_gpu:
            torch.cuda.synchronize()
        return clock() - begin

    names, seconds = list(nets), {name: [] for name in nets}
    for i in range(args.steps + 3):
        for name in names if i % 2 else names[::-1]:  # neither is always the first
            elapsed = step(name)
            if i >= 3:
                seconds[name].append(elapsed)
    ratios = [b / a for a, b in zip(seconds['mmpretrain'], seconds['udapose'])]
    result = dict(
        size=args.size, batch_size=args.batch_size, steps=args.steps, torch=torch.__version__,
        device=torch.cuda.get_device_name() if on_gpu else 'cpu, 1 thread, CPU time',
        median_seconds={k: round(statistics.median(v), 5) for k, v in seconds.items()},
        ratio=dict(zip(('quartile_1', 'median', 'quartile_3'),
                       (round(q, 4) for q in statistics.quantiles(ratios, n=4)))))
    publish(result, sentence(result), MARKS, args.out, args.page)


if __name__ == '__main__':
    main()
