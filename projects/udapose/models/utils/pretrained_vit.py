"""Weight initializer of vision transformers."""
from __future__ import annotations

import logging
import os
from collections.abc import Sequence

from mmengine.logging import print_log
from mmengine.model import initialize, update_init_info

# MMEngine's own registry: `initialize` finds it whatever the default scope is
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from ...config_types import is_kind
from .pretrained_backbone import keep_loaded
from .vit_checkpoint import load_vit


@WEIGHT_INITIALIZERS.register_module()
class PretrainedViT:
    """Initialise a vision transformer from a checkpoint of any common format.

    ``init_cfg=dict(type='PretrainedViT', checkpoint='file.pth')`` of ``AttentionViT`` or
    mmpretrain's ``VisionTransformer`` reads Facebook's MAE, timm, mmpretrain, MMPose's ViTPose and
    this package's own checkpoints, renames their entries, interpolates the position embedding
    (also between non-square grids), drops or keeps the class token, and logs what was and what
    was not loaded.

    Args:
        checkpoint (str): A file, an address, or the ``work_dir`` of a training, whose last
            checkpoint is taken.
        prefix (str, optional): Of the transformer in the checkpoint, e.g. ``'backbone'``. Needed
            only if there are several ones (student and teacher).
        source_grid (Sequence[int], optional): (height, width) of the checkpoint's position
            embedding in patches, if it is not square and not in this model's aspect ratio.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: The checkpoint does not fit; says what differs.
    """

    def __init__(self, checkpoint: str | os.PathLike, prefix: str | None = None,
                 source_grid: Sequence[int] | None = None) -> None:
        self.checkpoint, self.prefix = os.fspath(checkpoint), prefix
        self.source_grid = None if source_grid is None else tuple(source_grid)

    def __call__(self, module: nn.Module) -> None:
        """Load.

        Args:
            module (nn.Module): The transformer.
        """
        load_vit(module, self.checkpoint, self.prefix, self.source_grid)
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'PretrainedViT: load from {self.checkpoint}')
        # MMEngine runs unknown initializers before the children's init_weights(), and
        # mmpretrain's VisionTransformer draws the position embedding afterwards; both would
        # overwrite what was loaded, but stop at these marks.
        if not isinstance(module, PretrainedLast):
            keep_loaded(module, self.checkpoint)
            own = type(module).init_weights.__module__
            if hasattr(module, 'mask_ratio') and own.startswith('mmpretrain.'):
                print_log(f'{type(module).__name__} is a MAE encoder, whose init_weights() may '
                          'overwrite what PretrainedViT has just loaded: derive it from '
                          'udapose.models.utils.pretrained_vit.PretrainedLast',
                          logger='current', level=logging.WARNING)


class PretrainedLast:
    """Mix-in, first base of a ``BaseModule``: ``PretrainedViT`` acts after all other weights.

    MMEngine does so for its own ``Pretrained`` only, which mmpretrain's transformers overlook in a
    list.
    """

    def init_weights(self) -> None:
        """Initialise everything, then load."""
        cfgs = self.init_cfg if isinstance(self.init_cfg, (list, tuple)) else [self.init_cfg]
        late = [c for c in cfgs if c and (is_kind(c, WEIGHT_INITIALIZERS, PretrainedViT) or (
            cfgs is self.init_cfg and is_kind(c, WEIGHT_INITIALIZERS, 'Pretrained')))]
        if not late:
            return super().init_weights()
        full, self.init_cfg = self.init_cfg, [c for c in cfgs if c not in late] or None
        try:
            super().init_weights()
        finally:
            self.init_cfg = full
        for cfg in late:
            initialize(self, cfg)
