"""Fine-tuning that keeps the attention of the pre-trained encoder."""
from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from contextlib import nullcontext

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel, initialize
from mmpose.registry import MODELS
from torch import Tensor

from ..data_preprocessors.multi_branch import build_per_branch
from ..utils.attention_maps import attention_maps, check_attention
from ..utils.vit_checkpoint import load_vit
from .branch_checkpoint import rename_old_keys
from .checkpoint_formats import SINGLE, drop_average_copies
from .plain_models import check_plain

_LOSS = dict(type='AttentionRegularizationLoss')
_BRANCHES = dict(source='source', target='target_student')


@MODELS.register_module()
class AttentionRegularizedPoseEstimator(BaseModel):
    """Any MMPose top-down model with a vision transformer, plus attention regularization.

    The auxiliary encoder is the pre-trained encoder, frozen; a training step adds to the pose
    model's own loss on labelled source images the distance between both encoders' attention, on
    source images and, since it needs no labels, optionally on target images. Prediction is the
    pose model's alone. Source: arXiv 2501.08408.

    ``pose_model`` is a plain MMPose estimator; checkpoints have the prefixes ``pose_model.`` and
    ``auxiliary.`` (kept for resuming, left out of an export). ``load_from`` may be a plain
    model's checkpoint, whose encoder then also becomes the auxiliary one unless that has a file.

    Args:
        pose_model (dict): Config of the plain model. A ``data_preprocessor`` in it is used for
            each branch.
        loss (dict, optional): Defaults to ``dict(type='AttentionRegularizationLoss')``.
        on (Sequence[str]): Domains whose images are regularized: ``('source',)`` (default) or
            ``('source', 'target')``, or the target alone. Each domain has the same share.
        auxiliary (dict, optional): ``checkpoint`` and optionally ``prefix`` and ``source_grid``
            (see ``PretrainedViT``) of the auxiliary encoder, which has the pose model's
            architecture. By default it is a copy of the pose model's encoder as it was
            initialised.
        data_preprocessor (dict, optional): A ``MultiBranchDataPreprocessor``, or a plain one for
            each branch. Defaults to ``pose_model.data_preprocessor``.
        init_cfg (dict, optional): As in MMEngine; a ``Pretrained`` checkpoint may be one of the
            plain model, as with ``load_from``.

    Raises:
        TypeError: The pose model's backbone is no vision transformer.
        ValueError: Unknown domains or keys, layers that do not exist, no class token for its row, a
            wrapper as plain model.
    """

    plain_names = (SINGLE,)

    def __init__(self, pose_model: dict, loss: dict | None = None,
                 on: Sequence[str] = ('source',), auxiliary: dict | None = None,
                 data_preprocessor: dict | None = None, init_cfg: dict | None = None) -> None:
        check_plain(pose_model, 'pose_model')
        pose_model = copy.deepcopy(pose_model)
        inner = pose_model.pop('data_preprocessor', None)
        super().__init__(build_per_branch(data_preprocessor, inner), init_cfg)
        self.on = (on,) if isinstance(on, str) else tuple(on)
        if not self.on or set(self.on) - set(_BRANCHES):
            raise ValueError('AttentionRegularizedPoseEstimator: on must name some of '
                             f"'source' and 'target', got {on!r}")
        unknown = set(auxiliary or {}) - {'checkpoint', 'prefix', 'source_grid'}
        if unknown or (auxiliary is not None and not auxiliary.get('checkpoint')):
            raise ValueError("auxiliary must be None or a dict with 'checkpoint' and optionally "
                             f"'prefix' and 'source_grid', got {auxiliary}")
        self.auxiliary_cfg = auxiliary
        self.pose_model = MODELS.build(pose_model)
        # MMPose's training accuracy goes through numpy: a host synchronisation in every step
        self.pose_model.train_cfg = {'compute_acc': False, **(self.pose_model.train_cfg or {})}
        self.attention_loss = MODELS.build(loss or _LOSS)
        backbone = self.pose_model.backbone
        layers = self.attention_loss.layers
        if layers is None:
            layers = getattr(backbone, 'attention_layers', (-1,))
        self.layers = check_attention(backbone, layers, self.attention_loss.class_token_only)
        self.auxiliary = copy.deepcopy(backbone).requires_grad_(False)
        self.auxiliary.eval()  # mmpretrain's backbones return None from it
        self._random = True  # until weights come from somewhere
        self._register_load_state_dict_pre_hook(self._complete)

    # ------------------------------------------------------------------ weights
    def init_weights(self) -> None:
        """Initialise the pose model, then the auxiliary encoder: from its file or as a copy."""
        self.pose_model.init_weights()
        if self.init_cfg:
            initialize(self, self.init_cfg)
        self._random &= not (self.auxiliary_cfg or self.init_cfg or any(
            getattr(part, 'init_cfg', None) for part in (
                self.pose_model, self.pose_model.backbone)))
        if self.auxiliary_cfg is None:
            self.auxiliary.load_state_dict(self.pose_model.backbone.state_dict())
        else:
            load_vit(self.auxiliary, **self.auxiliary_cfg)

    def _complete(self, state_dict: dict, prefix: str, *args) -> None:
        """Let a plain model's checkpoint fill both; edits the state dict in place."""
        if prefix:
            return
        self._random = False
        own = self.pose_model.state_dict()
        drop_average_copies(state_dict)
        if not any(key.startswith('pose_model.') for key in state_dict):
            rename_old_keys(self.pose_model, state_dict)
            plain = [key for key in state_dict if key in own]
            if not plain:
                raise RuntimeError(
                    f'wrong checkpoint: none of its entries ({", ".join(list(state_dict)[:3])}, '
                    f'...) belongs to the pose model ({", ".join(list(own)[:3])}, ...). Export a '
                    'student-teacher checkpoint with `udapose export` first; an '
                    "encoder's own file belongs into init_cfg=dict(type='PretrainedViT', "
                    'checkpoint=...) of the backbone')
            for key in plain:
                state_dict[f'pose_model.{key}'] = state_dict.pop(key)
            for key in [k for k in state_dict if k.startswith('data_preprocessor.')]:
                del state_dict[key]
            print_log(f'checkpoint of a plain model: {len(plain)} of {len(own)} entries go into '
                      'the pose model', logger='current')
        # mmpretrain brings position embeddings to the right size while loading
        other = [f'{k}: {tuple(state_dict[f"pose_model.{k}"].shape)} instead of {tuple(v.shape)}'
                 for k, v in own.items() if not k.endswith('pos_embed')
                 and state_dict.get(f'pose_model.{k}', v).shape != v.shape]
        if other:
            raise RuntimeError(f'wrong checkpoint: {len(other)} entries have another shape, e.g. '
                               f'{", ".join(other[:3])}. Was it trained with another architecture?')
        if not any(key.startswith('auxiliary.') for key in state_dict):
            if self.auxiliary_cfg is None:
                print_log('the auxiliary encoder becomes a frozen copy of the encoder in this '
                          'checkpoint', logger='current')
                encoder = {k.removeprefix('pose_model.backbone.'): v for k, v in state_dict.items()
                           if k.startswith('pose_model.backbone.')}
            else:  # its own file's
                encoder = self.auxiliary.state_dict()
            state_dict.update({f'auxiliary.{k}': v for k, v in encoder.items()})
        elif self.auxiliary_cfg is not None and any(
                not torch.equal(state_dict[f'auxiliary.{k}'].to(v), v)
                for k, v in self.auxiliary.state_dict().items()
                if getattr(state_dict.get(f'auxiliary.{k}'), 'shape', None) == v.shape):
            print_log('the auxiliary encoder is the one kept in this checkpoint, and not that of '
                      f'{self.auxiliary_cfg["checkpoint"]}: to begin a new run from the '
                      "checkpoint's pose model alone, load what `udapose export` makes of it",
                      logger='current', level=logging.WARNING)

    def train(self, mode: bool = True) -> AttentionRegularizedPoseEstimator:
        """Keep the auxiliary encoder in evaluation mode."""
        super().train(mode)
        self.auxiliary.eval()
        return self

    # ------------------------------------------------------------------ forward
    def forward(self, inputs: Tensor | dict, data_samples: list | dict | None = None,
                mode: str = 'tensor') -> dict | list | Tensor:
        """As in MMPose; ``mode='loss'`` takes a plain batch or one with branches."""
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        return self.pose_model(inputs, data_samples, mode=mode)

    def loss(self, inputs: Tensor | dict[str, Tensor], data_samples: list | dict[str, list]
             ) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            inputs (Tensor | dict[str, Tensor]): (N, 3, H, W) labelled images, or ``source`` and,
                if the target is regularized, ``target_student``; other branches are not used.
            data_samples (list | dict[str, list]): Accordingly.

        Returns:
            dict[str, Tensor]: The pose model's losses, ``loss_attention_source`` and
            ``loss_attention_target`` (those of ``on``), each divided by the number of domains.
        """
        if self._random:
            self._random = False
            print_log('AttentionRegularizedPoseEstimator: no pre-trained weights were given, so '
                      'the attention is held near that of a random encoder, which only hurts: set '
                      "init_cfg=dict(type='PretrainedViT', checkpoint=...) of the backbone, "
                      'auxiliary=dict(checkpoint=...) or load_from', logger='current',
                      level=logging.WARNING)
        images = self._images(inputs)
        samples = data_samples['source'] if isinstance(inputs, dict) else data_samples
        regularized = 'source' in self.on
        with self._maps(self.pose_model.backbone) if regularized else nullcontext() as maps:
            losses = dict(self.pose_model.loss(images['source'], samples))
        if regularized:
            losses['loss_attention_source'] = self._regularization(maps, images['source'])
        if 'target' in self.on:
            with self._maps(self.pose_model.backbone) as maps:
                self.pose_model.backbone(images['target'])
            losses['loss_attention_target'] = self._regularization(maps, images['target'])
        return losses

    def _maps(self, backbone):
        return attention_maps(backbone, self.layers, self.attention_loss.class_token_only)

    def _regularization(self, maps: dict[int, Tensor], images: Tensor) -> Tensor:
        with torch.no_grad(), self._maps(self.auxiliary) as auxiliary:
            self.auxiliary(images)
        return self.attention_loss(maps, auxiliary) / len(self.on)

    def _images(self, inputs: Tensor | dict[str, Tensor]) -> dict[str, Tensor]:
        """Images by domain; checks that those needed are there."""
        branches = inputs if isinstance(inputs, dict) else dict(source=inputs)
        needed = {'source', *(_BRANCHES[domain] for domain in self.on)}
        if needed - set(branches):
            found = sorted(branches) if isinstance(inputs, dict) else 'a batch without branches'
            raise ValueError(
                f'AttentionRegularizedPoseEstimator(on={self.on}) needs the branches '
                f'{sorted(needed)} in a training batch, got {found}'
                ": use TwoDomainDataset with TwoDomainSampler (docs/data.md), or on=('source',)")
        return {domain: branches[name] for domain, name in _BRANCHES.items() if name in branches}
