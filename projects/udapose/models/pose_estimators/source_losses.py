"""The plain model's own losses on source images that went through it already."""
from __future__ import annotations

import copy

from mmpose.models import TopdownPoseEstimator
from torch import Tensor, nn

from ..readouts import Readout
from .adaptation_batch import DomainPass


def source_losses(student: nn.Module, readout: Readout, source: DomainPass) -> dict[str, Tensor]:
    """What the student's ``loss`` returns, with nothing computed twice.

    MMPose's ``TopdownPoseEstimator`` returns its head's losses. A user's subclass may add to them:
    its ``loss`` is called on a shallow copy of the student that answers with the features and the
    output of the pass; what it asks for other images is computed.

    Args:
        student (nn.Module): The plain model.
        readout (Readout): Its readout.
        source (DomainPass): Its pass over the source images.
    """
    def head_loss(feats, samples: list, train_cfg: dict | None = None) -> dict:
        if feats is not source.feats:
            return student.head.loss(feats, samples, train_cfg=train_cfg or {})
        return readout.loss(student.head, feats, source.output, samples, train_cfg or {})

    if type(student).loss is TopdownPoseEstimator.loss:
        return dict(head_loss(source.feats, source.samples, student.train_cfg))
    answered, head = copy.copy(student), copy.copy(student.head)
    answered._modules = {**student._modules, 'head': head}  # the student keeps its own
    answered.extract_feat = lambda images: source.feats if images is source.inputs \
        else student.extract_feat(images)
    head.loss = head_loss
    return dict(answered.loss(source.inputs, source.samples))
