"""Pictures and errors of a masked autoencoder in training."""
from __future__ import annotations

import random
from contextlib import contextmanager

import cv2
import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS
from torch import Tensor

from ...models.selfsup import WeightedMAE
from .pseudo_label_visualization_hook import to_rgb
from .sheets import save_sheet

#: Error in grey levels that is drawn as brightly as possible.
FULL_SCALE = 128.


@HOOKS.register_module()
class ReconstructionVisualizationHook(Hook):
    """Reconstruct a few fixed images of both domains, draw them and log their errors.

    The images, their augmentation and their hidden patches are drawn once, without touching the
    run's random state, so that all pictures of a run show the same. Rows: the image, what the
    encoder sees, the reconstruction of the hidden patches within the image, the reconstruction of
    all patches, and the error: bright colours in the foreground (or wherever the image has no
    mask), dim grey in the background, black where the patch was visible. Source images come first.

    Written to ``work_dir/vis_data/reconstruction/iter_000500.png`` and to the visualizer, with the
    root mean squared errors of the hidden pixels, in grey levels of 255, as scalars
    ``reconstruction/{source,target}/{foreground,background}`` and in the log.

    Args:
        interval (int): In iterations, or epochs. Defaults to 500.
        by_epoch (bool): Defaults to False.
        num_images (int): Of each domain. Defaults to 4.
        num_measured (int): Images of each domain whose errors are averaged. Defaults to 32.
        scale (int): Enlargement of the picture. Defaults to 1.
        seed (int): Of the augmentation and of the hidden patches. Defaults to 0.

    Raises:
        TypeError: The model is no ``WeightedMAE``.
    """

    priority = 'LOW'

    def __init__(self, interval: int = 500, by_epoch: bool = False, num_images: int = 4,
                 num_measured: int = 32, scale: int = 1, seed: int = 0) -> None:
        self.interval, self.by_epoch, self.scale, self.seed = interval, by_epoch, scale, seed
        self.num_images, self.num_measured = num_images, max(num_measured, num_images)

    def before_train(self, runner) -> None:
        """Check the model and draw the images."""
        self.model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if not isinstance(self.model, WeightedMAE):
            raise TypeError('ReconstructionVisualizationHook draws a WeightedMAE in training, got '
                            f'{type(self.model).__name__}')
        if not is_main_process():
            return
        dataset = runner.train_dataloader.dataset
        with _seeded(self.seed):
            samples = [dataset[i] for i in _evenly_spaced(dataset, self.num_measured)]
        self.batches = {}
        for sample in samples:
            domain = sample['data_samples'].metainfo['domain']
            batch = self.batches.setdefault(domain, dict(inputs=[], data_samples=[]))
            batch['inputs'].append(sample['inputs'])
            batch['data_samples'].append(sample['data_samples'])

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Draw and log."""
        due = (self.end_of_epoch(runner.train_dataloader, batch_idx)
               and self.every_n_epochs(runner, self.interval)) if self.by_epoch \
            else self.every_n_train_iters(runner, self.interval)
        if not due or not is_main_process():
            return
        rows, errors = self.draw()
        save_sheet(runner, 'reconstruction', rows, self.scale)
        step = runner.iter + 1
        for name, value in errors.items():
            runner.visualizer.add_scalar(f'reconstruction/{name}', value, step=step)
        runner.logger.info(f'Reconstruction error in grey levels, iteration {step}: ' + ', '.join(
            f'{name} {value:.1f}' for name, value in errors.items()))

    @torch.no_grad()
    def draw(self) -> tuple[list[list[np.ndarray]], dict[str, float]]:
        """Reconstruct the fixed images with the present weights.

        Returns:
            tuple: Rows of RGB images (H, W, 3) uint8, and the errors by name.
        """
        rows, errors = [[] for _ in range(5)], {}
        training = self.model.training
        self.model.eval()
        try:
            for domain, batch in self.batches.items():
                tiles, found = self._draw_domain(batch)
                errors.update({f'{domain}/{name}': value for name, value in found.items()})
                for row, images in zip(rows, tiles):
                    row.extend(images[:self.num_images])
        finally:
            self.model.train(training)
        return rows, errors

    def _draw_domain(self, batch: dict) -> tuple[list[np.ndarray], dict[str, float]]:
        preprocessor = self.model.data_preprocessor
        data = preprocessor(batch)
        images, foreground = data['inputs'], data['foreground']
        if foreground is None:
            foreground = torch.ones_like(images[:, :1])
        elif data['known'] is not None:
            foreground = torch.where(data['known'][:, None, None, None], foreground, 1.)
        noise = self.model.fixed_noise(len(images), self.seed).to(images.device)
        predicted, hidden = self.model.reconstruct(images, noise)

        # errors of what a picture can show, in grey levels
        shown, full = (_rgb_tensor(x, preprocessor) for x in (images, predicted))
        squared = (full - shown).square().mean(1, keepdim=True)
        errors = {}
        for name, region in (('foreground', foreground), ('background', 1 - foreground)):
            weight = region * hidden
            if weight.sum() > 0:
                errors[name] = ((weight * squared).sum() / weight.sum()).sqrt().item()
        shown, full = to_rgb(images, preprocessor), to_rgb(predicted, preprocessor)
        gaps = hidden.bool().permute(0, 2, 3, 1).cpu().numpy()
        error = _error_maps(squared.sqrt()[:, 0], foreground[:, 0])
        return [shown, np.where(gaps, np.uint8(128), shown), np.where(gaps, full, shown), full,
                np.where(gaps, error, np.uint8(0))], errors


def _rgb_tensor(images: Tensor, preprocessor) -> Tensor:
    """(N, 3, H, W) in grey levels 0 to 255; the channels' order does not matter here."""
    if getattr(preprocessor, 'mean', None) is not None:
        images = images * preprocessor.std + preprocessor.mean
    return images.clamp(0, 255)


def _error_maps(errors: Tensor, foreground: Tensor) -> np.ndarray:
    """(N, H, W) errors in grey levels to (N, H, W, 3) RGB: colour in front, grey behind."""
    level = (errors / FULL_SCALE).clamp(0, 1).cpu().numpy()
    front = foreground.cpu().numpy()[..., None]
    grey = (level * 255).round().astype(np.uint8)
    colour = np.stack([cv2.applyColorMap(g, cv2.COLORMAP_INFERNO)[..., ::-1] for g in grey])
    return (front * colour + (1 - front) * 0.4 * grey[..., None]).round().astype(np.uint8)


def _evenly_spaced(dataset, count: int) -> list[int]:
    """Up to ``count`` indices of each domain."""
    source = getattr(dataset, 'num_source', 0)
    indices = []
    for start, end in ((0, source), (source, len(dataset))):
        if end > start:
            indices.extend(sorted({int(i) for i in np.linspace(start, end - 1, count)}))
    return indices


@contextmanager
def _seeded(seed: int):
    """Fixed random states within, the former ones afterwards."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
