"""Proof that what an export wrote loads, runs and predicts like the model that was trained."""
from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import DefaultScope, init_default_scope
from mmpose.models.builder import build_pose_estimator
from torch import Tensor, nn

from .models.pose_estimators.checkpoint_formats import check_fit


def check_export(config: Path, checkpoint: Path, trained: nn.Module) -> None:
    """Build the plain model from the files alone, and compare it with the trained one.

    Both get the same dummy images (the head's output must be the same) and the plain one a dummy
    photograph, through its pipeline, for which it must give finite keypoints. On the CPU.

    Args:
        config, checkpoint (Path): Written files.
        trained (nn.Module): The plain model as the training had it, in evaluation mode.

    Raises:
        RuntimeError: What does not work, or by how much the outputs differ.
    """
    scope = DefaultScope.get_current_instance()
    if scope is None:
        init_default_scope('mmpose')
    with DefaultScope.overwrite_default_scope('mmpose'), torch.no_grad():
        try:
            cfg = Config.fromfile(config)
            model = build_pose_estimator(cfg.model)
            # written by us a moment ago; dataset_meta holds numpy arrays
            content = torch.load(checkpoint, map_location='cpu', weights_only=False)
        except Exception as error:  # whatever a user's own parts may raise
            raise RuntimeError('the exported files cannot be read again: '
                               f'{type(error).__name__}: {error}') from error
        check_fit(model.state_dict(), content['state_dict'])
        model.load_state_dict(content['state_dict'], strict=True)
        model.eval()
        model.cfg, model.dataset_meta = cfg, content['meta']['dataset_meta']
        _compare(model, trained, _input_size(cfg))
        _predict(model, _input_size(cfg))


def _input_size(cfg: Config) -> tuple[int, int]:
    """(width, height) of the model's input."""
    crops = [step['input_size'] for step in cfg.test_dataloader.dataset.pipeline
             if step.get('input_size')]
    size = crops[-1] if crops else (cfg.codec or {}).get('input_size')
    if size is None:
        raise RuntimeError('the exported pipeline names no input_size: it needs a step like '
                           "dict(type='TopdownAffine', input_size=(192, 256))")
    width, height = (int(n) for n in np.broadcast_to(size, 2))
    return width, height


def _compare(model: nn.Module, trained: nn.Module, size: tuple[int, int]) -> None:
    images = torch.randn(2, 3, size[1], size[0], generator=torch.Generator().manual_seed(0))
    try:
        found, expected = (_tensors(m(images, None, mode='tensor')) for m in (model, trained))
    except Exception as error:
        raise RuntimeError(f'the exported model does not run on images of {size[0]}x{size[1]} '
                           f'pixels: {type(error).__name__}: {error}') from error
    if [x.shape for x in found] != [x.shape for x in expected]:
        raise RuntimeError(f'the exported model returns {[tuple(x.shape) for x in found]}, the '
                           f'trained one {[tuple(x.shape) for x in expected]}')
    if not all(x.isfinite().all() for x in expected):
        raise RuntimeError('the trained model predicts values that are not finite: has the '
                           'training diverged?')
    for a, b in zip(found, expected, strict=True):
        if not torch.allclose(a, b, rtol=1e-4, atol=1e-5 * max(1., float(b.abs().max()))):
            raise RuntimeError(f'the exported model predicts otherwise than the trained one: they '
                               f'differ by {float((a - b).abs().max()):.3g} where the largest '
                               f'output is {float(b.abs().max()):.3g}')


def _predict(model: nn.Module, size: tuple[int, int]) -> None:
    try:  # not at the top: a broken mmdet beside MMPose must not break udapose
        from mmpose.apis import inference_topdown
    except Exception as error:
        print_log('the exported pipeline was not tried on a photograph, because mmpose.apis cannot '
                  f'be imported ({type(error).__name__}: {error})', logger='current',
                  level=logging.WARNING)
        return
    photograph = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    try:
        keypoints = inference_topdown(model, photograph)[0].pred_instances.keypoints
    except Exception as error:
        raise RuntimeError('the exported pipeline does not run on a photograph: '
                           f'{type(error).__name__}: {error}') from error
    if not np.isfinite(keypoints).all():
        raise RuntimeError('the exported model predicts keypoints that are not finite')


def _tensors(output) -> list[Tensor]:
    """All tensors of a head's output, in order."""
    if isinstance(output, Tensor):
        return [output]
    parts = output.values() if isinstance(output, Mapping) else \
        output if isinstance(output, Sequence) else ()
    return [tensor for part in parts for tensor in _tensors(part)]
