"""Stylise training images on the model's device."""
from __future__ import annotations

import logging
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS, MODELS
from torch import Tensor

from ...config_types import is_kind
from ..style_bank import StyleBank, folder_of
from .sheets import rgb_images, save_sheet


@HOOKS.register_module()
class AdaINStyleHook(Hook):
    """Give training images the style of the other domain: image-level alignment.

    Works behind the model's data preprocessor, so on batches on the model's device, with the mean
    teacher (source images take the target's style; with ``target_to_source`` the teacher's view
    takes the source's) and with any plain supervised MMPose model, whose images take the style
    of a folder of target images. Each sample draws for itself whether, from which image, and how
    strongly (``alpha``) it is stylised. Only the drawn samples go through the style network, which
    belongs to the hook: it is in no checkpoint or export and costs nothing at inference.
    Source: arXiv 2404.14885, sec. 3 (image level); both directions: UniFrame, ECCV 2022.

    Args:
        stylizer (dict): Config of the style transfer, e.g. ``dict(type='AdaINStyleTransfer', ...,
            checkpoint='...')``, or without a network ``dict(type='ChannelStatisticsTransfer')``.
        prob (float): Share of the source samples that are stylised, in [0, 1]. Defaults to 0.5
            (published).
        alpha (Sequence[float]): Range of the strength, drawn uniformly. Defaults to (0, 1)
            (published).
        target_to_source (float): Share of the teacher's views that take a source image's style.
            Defaults to 0; 0.5 in UniFrame.
        per_sample (bool): Draw for each sample; False draws once for the whole batch (published).
            Defaults to True.
        style_images (dict | str, optional): Where the target's style comes from: a folder, or the
            config of a data set with ``img_path`` in its items, e.g. an ``UnlabeledPoseDataset``.
            The styles of ``num_styles`` images are computed once, before training (the cached
            statistics). Without it, styles come from the batch: each source image takes that of
            one of the batch's target views (published).
        num_styles (int): Images in the cache. Defaults to 512.
        resize (float): Factor on the images' side inside of the style network, in (0, 1]: the
            result is the full-size image plus the enlarged change. Defaults to 1.
        dtype (str, optional): ``'bfloat16'`` or ``'float16'`` runs the network under autocast.
        vis_interval (int): Iterations between pictures of images before (row 1) and after (row 2)
            the transfer, in ``work_dir/vis_data/stylized/`` and the visualizer. Defaults to 500; 0
            for none.

    Raises:
        ValueError: Arguments out of range; a plain model without ``style_images``, or with
            ``target_to_source``; at the first batch: a branch is missing.
    """

    priority = 'NORMAL'

    def __init__(self, stylizer: dict, prob: float = 0.5, alpha: Sequence[float] = (0., 1.),
                 target_to_source: float = 0., per_sample: bool = True,
                 style_images: dict | str | None = None, num_styles: int = 512,
                 resize: float = 1., dtype: str | None = None, vis_interval: int = 500) -> None:
        for key, value in (('prob', prob), ('target_to_source', target_to_source)):
            if not 0 <= value <= 1:
                raise ValueError(f'{key} must be in [0, 1], got {value}')
        if len(alpha) != 2 or not 0 <= alpha[0] <= alpha[1] <= 1:
            raise ValueError(f'alpha must be a range within [0, 1], got {alpha}')
        if not 0 < resize <= 1:
            raise ValueError(f'resize must be in (0, 1], got {resize}')
        if dtype not in (None, 'bfloat16', 'float16'):
            raise ValueError(f"dtype must be None, 'bfloat16' or 'float16', got {dtype!r}")
        self.stylizer = MODELS.build(stylizer)
        self.prob, self.alpha, self.target_to_source = prob, tuple(alpha), target_to_source
        self.per_sample, self.resize, self.vis_interval = per_sample, resize, vis_interval
        self.dtype = getattr(torch, dtype) if dtype else None
        self.style_images, self.num_styles = style_images, num_styles
        self.bank: StyleBank | None = None
        self.keep_images, self.last_images = False, None

    # ------------------------------------------------------------------ life cycle
    def before_train(self, runner) -> None:
        """Load the style network, fill the cache and attach to the data preprocessor."""
        if hasattr(self.stylizer, 'init_weights'):
            self.stylizer.init_weights()
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self.stylizer.to(get_device()).eval().requires_grad_(False)
        self.preprocessor = getattr(model.data_preprocessor, 'data_preprocessor',
                                    model.data_preprocessor)
        branched = self.preprocessor is not model.data_preprocessor
        if getattr(model, 'source_free', False):
            raise ValueError(
                'AdaINStyleHook stylises source images, and there are none with '
                'model.train_cfg.source_free=True: remove it from custom_hooks (styles among target'
                ' images are what ColorJitter in the views is for), or adapt with source images')
        if self.style_images is None and not branched:
            raise ValueError(f'AdaINStyleHook: the batches of {type(model).__name__} hold no target'
                             " images. Give their folder with style_images='path/to/images'")
        if self.target_to_source and not branched:
            raise ValueError(f'AdaINStyleHook: target_to_source={self.target_to_source}, but the '
                             f'batches of {type(model).__name__} hold no target images: set it to '
                             '0, or train a model with a MultiBranchDataPreprocessor')
        if self.style_images is not None:
            self.bank = StyleBank(self.style_images, self.num_styles)
            self._compare_places(runner)
        self.handle = model.data_preprocessor.register_forward_hook(self._stylize_batch)

    def _compare_places(self, runner) -> None:
        """Say where styles and target images come from: a command line changes one of both."""
        dataset = getattr(getattr(runner, 'train_dataloader', None), 'dataset', None)
        if not hasattr(dataset, 'target'):
            return
        styles, target = folder_of(self.bank.items), folder_of(dataset.target)
        if f'{styles}/'.startswith(f'{target}/') or f'{target}/'.startswith(f'{styles}/'):
            return
        key = 'style_images.data_root' if isinstance(self.style_images, dict) else 'style_images'
        number = next((i for i, hook in enumerate(runner.cfg.get('custom_hooks') or ())
                       if is_kind(hook, HOOKS, AdaINStyleHook)), 'N')
        print_log(f'AdaINStyleHook takes styles from {styles}, but the target images are in '
                  f'{target}. If the styles are to be theirs: --cfg-options custom_hooks.{number}.'
                  f'{key}={target}/', logger='current', level=logging.WARNING)

    def after_train(self, runner) -> None:
        """Detach."""
        self.handle.remove()

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        """Remember whether a picture is due."""
        self.keep_images = self.vis_interval > 0 and is_main_process() and \
            self.every_n_train_iters(runner, self.vis_interval)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        """Draw the last stylised images."""
        if self.keep_images and self.last_images is not None:
            save_sheet(runner, 'stylized', [[*rgb_images(i)] for i in self.last_images], scale=2)
        self.last_images = None

    # ------------------------------------------------------------------ batches
    @torch.no_grad()
    def _stylize_batch(self, module, args: tuple, out: dict) -> dict | None:
        if not module.training:  # validation
            return None
        inputs = out['inputs']
        if not isinstance(inputs, dict):
            self._check_batch('one branch', inputs=inputs)
            return dict(out, inputs=self.stylize(inputs, None, self.prob))
        self._check_batch(f'the branches {sorted(inputs)}', **inputs)
        changed = dict(inputs)
        if 'source' in inputs:
            changed['source'] = self.stylize(
                inputs['source'], inputs.get('target_teacher'), self.prob)
        if self.target_to_source:
            # the source as it was: styles must not run in a circle
            changed['target_teacher'] = self.stylize(
                inputs['target_teacher'], inputs['source'], self.target_to_source, cached=False)
        return dict(out, inputs=changed)

    def _check_batch(self, found: str, **branches: Tensor) -> None:
        """Whether content and styles are there, whatever is drawn for this batch."""
        plain = 'inputs' in branches
        wanted = {}
        if not plain and (self.prob or self.target_to_source):
            wanted['source'] = 'holds the source images'
        if self.prob and self.bank is None:
            wanted['target_teacher'] = "gives the source its style (or give style_images='path/" \
                                       "to/target_images')"
        if self.target_to_source:
            wanted['target_teacher'] = 'is stylised by target_to_source (or set it to 0)'
        missing = [f'{name!r}, which {what}' for name, what in wanted.items()
                   if name not in branches]
        if missing:
            raise ValueError(f'AdaINStyleHook: a training batch with {found} lacks the branch '
                             + ' and '.join(missing) + '. Two-domain batches: docs/data.md')

    def stylize(self, inputs: Tensor, styles: Tensor | None, prob: float,
                cached: bool = True) -> Tensor:
        """Stylise a random part of normalised images.

        Args:
            inputs (Tensor): (N, 3, H, W) as the data preprocessor gives them.
            styles (Tensor, optional): (M, 3, H, W) normalised images of the other domain.
            prob (float): Share of stylised samples.
            cached (bool): Prefer the cache, if there is one. Defaults to True.

        Returns:
            Tensor: (N, 3, H, W), within the valid range of normalised images.
        """
        # drawn on the host: the number of samples is needed there, and no device is read
        count = len(inputs)
        if self.per_sample:
            drawn = (torch.rand(count) < prob).nonzero().squeeze(1)
        else:
            drawn = torch.arange(count if torch.rand(1).item() < prob else 0)
        if not len(drawn):
            return inputs
        low, high = self.alpha
        alpha = low + (high - low) * torch.rand(len(drawn) if self.per_sample else 1, 1, 1, 1)
        index = drawn.to(inputs.device, non_blocking=True)
        alpha = alpha.to(inputs.device, non_blocking=True)
        content = self._to_rgb(inputs[index])
        with torch.autocast(inputs.device.type, self.dtype, enabled=self.dtype is not None):
            small = self._shrink(content)
            if cached and self.bank is not None:
                codes = self.bank.draw(len(drawn), self.stylizer, small)
            else:
                if len(styles) == count:
                    partner = drawn
                else:
                    partner = torch.randint(len(styles), (len(drawn),))
                partner = partner.to(inputs.device, non_blocking=True)
                codes = self.stylizer.encode_style(self._shrink(self._to_rgb(styles[partner])))
            result = self.stylizer(small, codes, alpha).float()
        if self.resize < 1:  # keep the details: only the change is enlarged
            result = content + F.interpolate(
                result - small, content.shape[-2:], mode='bilinear', align_corners=False)
        stylized = self._from_rgb(result.clamp(0, 1)).to(inputs.dtype)
        if self.keep_images and self.last_images is None:  # the source comes first
            self.last_images = content[:8], result[:8].clamp(0, 1)
        return inputs.index_copy(0, index, stylized)

    def _shrink(self, images: Tensor) -> Tensor:
        if self.resize == 1:
            return images
        return F.interpolate(images, scale_factor=self.resize, mode='bilinear',
                             align_corners=False, antialias=True)

    def _to_rgb(self, inputs: Tensor) -> Tensor:
        """Normalised inputs to RGB in [0, 1]."""
        images = inputs.float()
        if getattr(self.preprocessor, 'mean', None) is not None:
            images = images * self.preprocessor.std + self.preprocessor.mean
        if not self.preprocessor._channel_conversion:  # loaded as BGR and left so
            images = images.flip(1)
        return (images / 255).clamp(0, 1)

    def _from_rgb(self, images: Tensor) -> Tensor:
        images = images * 255
        if not self.preprocessor._channel_conversion:
            images = images.flip(1)
        if getattr(self.preprocessor, 'mean', None) is not None:
            images = (images - self.preprocessor.mean) / self.preprocessor.std
        return images

