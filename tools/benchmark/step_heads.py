"""The step of a model without heatmaps, for `step_cost.py`: RTMPose beside passes of its own.

What is left beside the networks differs with the head (`SimCCReadout` instead of warps), and so
does the base: the same passes with plain mean squared errors on the two profiles.
"""
from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from step_parts import make_batch
from step_settings import JOINTS
from torch import Tensor

#: Row, goal in multiples of the base
ROW, GOAL = 'mean teacher alone, RTMPose-s (SimCC)', 1.05


def rtmpose(size: int) -> dict:
    """Config of RTMPose-s for square inputs (its own are 256x192)."""
    return dict(
        type='TopdownPoseEstimator',
        backbone=dict(type='CSPNeXt', deepen_factor=0.33, widen_factor=0.5, out_indices=(4,)),
        head=dict(
            type='RTMCCHead', in_channels=512, out_channels=JOINTS, input_size=(size, size),
            in_featuremap_size=(size // 32, size // 32), simcc_split_ratio=2.,
            final_layer_kernel_size=7,
            gau_cfg=dict(hidden_dims=256, s=128, expansion_factor=2, dropout_rate=0.,
                         drop_path=0., act_fn='SiLU', use_rel_bias=False, pos_enc=False),
            loss=dict(type='KLDiscretLoss', use_target_weight=True, beta=10., label_softmax=True),
            decoder=dict(type='SimCCLabel', input_size=(size, size), sigma=5.66,
                         simcc_split_ratio=2., normalize=False, use_dark=False)))


class SimCCBench:
    """A mean teacher around RTMPose-s and one batch.

    Args:
        size (int): Side of the square inputs in pixels, a multiple of 32.
        batch (int): Images per domain, even.
        device (torch.device): Where.
        memory_format (torch.memory_format): Of networks and images.
    """

    def __init__(self, size: int, batch: int, device: torch.device,
                 memory_format: torch.memory_format = torch.contiguous_format) -> None:
        init_default_scope('mmpose')
        torch.manual_seed(0)
        self.model = MODELS.build(dict(
            type='MeanTeacherPoseEstimator', pose_estimator=rtmpose(size),
            train_cfg=dict(per_joint_quantile=True))).to(device, memory_format=memory_format)
        self.model.train()
        self.inputs, self.samples = make_batch(batch, size, device)
        self.inputs = {k: v.to(memory_format=memory_format) for k, v in self.inputs.items()}
        points = size * torch.rand(batch, JOINTS, 2, device=device)
        self.labels = self.model.readout.targets(points)
        for sample, *profiles in zip(self.samples['source'], *self.labels, strict=True):
            sample.gt_instance_labels = InstanceData(
                keypoint_weights=torch.ones(1, JOINTS, device=device),
                **{f'keypoint_{axis}_labels': profile[None]
                   for axis, profile in zip('xy', profiles, strict=True)})

    def base(self, joint: bool = False) -> Tensor:
        """The unavoidable passes, one of the student for each domain or one for both."""
        student, teacher = self.model.student, self.model.teacher
        with torch.no_grad():
            teacher.head.forward(teacher.extract_feat(self.inputs['target_teacher']))
        parts, labels = [self.inputs['source'], self.inputs['target_student']], [self.labels] * 2
        if joint:
            parts = [torch.cat(parts)]
            labels = [[torch.cat([profile, profile]) for profile in self.labels]]
        loss = sum(F.mse_loss(own, label) for images, profiles in zip(parts, labels, strict=True)
                   for own, label in zip(student.head.forward(student.extract_feat(images)),
                                         profiles, strict=True))
        loss.backward()
        return loss

    def step(self) -> Tensor:
        """A whole step but for the optimizer."""
        loss, _ = self.model.parse_losses(self.model.loss(self.inputs, self.samples))
        loss.backward()
        self.model.update_teacher(0.001)
        return loss

    def tasks(self) -> dict[str, tuple[Callable, int]]:
        """What is timed, as for ``take_turns``."""
        return {'base': (self.base, 1), 'joint base': (lambda: self.base(True), 1),
                'step': (self.step, 1)}

    def forget(self) -> None:
        """Let go of the gradients."""
        self.model.student.zero_grad(set_to_none=True)
