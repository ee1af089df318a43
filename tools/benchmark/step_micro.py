"""What of an adaptation step is not a network, piece by piece."""
from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from unittest import mock

import torch
from mmpose.evaluation.functional import pose_pck_accuracy
from mmpose.registry import MODELS
from step_parts import Workbench
from step_settings import JOINTS
from torch import Tensor

from udapose.models.utils.pseudo_label import confident, heatmap_peaks, render_gaussians
from udapose.models.utils.view_geometry import view_geometry
from udapose.models.utils.warp import covered_mask, swap_channels, warp_affine


def pieces(bench: Workbench) -> dict[str, Callable]:
    """Each piece alone, on tensors of the step's sizes; losses forward and backward.

    Args:
        bench (Workbench): Its batch and networks.

    Returns:
        dict[str, Callable]: Name to a function without arguments.
    """
    batch, device, side = bench.batch, bench.device, bench.size // 4
    student = bench.student
    codec, samples = student.head.decoder, bench.samples
    leaf = torch.rand(batch, JOINTS, side, side, device=device, requires_grad=True)
    fixed, weights = leaf.detach().clone(), torch.ones(batch, JOINTS, device=device)
    values = torch.rand(batch, JOINTS, device=device)
    views = (samples['target_teacher'], samples['target_student'], codec.scale_factor, device)
    geometry = view_geometry(*views)
    points, _ = heatmap_peaks(fixed)
    mask = geometry.covered((side, side))
    consistency = MODELS.build(dict(type='HeatmapConsistencyLoss'))
    occlusion = MODELS.build(dict(type='AdaptiveKeypointOcclusion', prob=1., threshold=0.))
    occluded = SimpleNamespace(pseudo=SimpleNamespace(points=points * 4, confidence=values))
    blocks = MODELS.build(dict(type='RandomBlockMask'))
    pair = bench.model('', alignments=None, student_augments=[], consistency=None)

    def loss(function: Callable[[], Tensor]) -> Callable[[], None]:
        def run() -> None:
            leaf.grad = None
            function().backward()
        return run

    def information(**options) -> Callable[[], None]:
        term = MODELS.build(dict(type='InformationMaximizationLoss', **options))
        batch = SimpleNamespace(aligned_output=leaf, readout=SimpleNamespace(kind='maps'))
        return loss(lambda: term(batch)['loss_information'])

    def source_loss() -> Tensor:
        with mock.patch.object(student.head, 'forward', lambda feats: leaf):
            return student.head.loss((), samples['source'], dict(compute_acc=False))['loss_kpt']

    tasks = {
        'source loss': loss(source_loss),
        'geometry of the views': lambda: view_geometry(*views),
        'swap joints': lambda: swap_channels(fixed, geometry.flip_indices, geometry.teacher_swap),
        'warp heatmaps': lambda: warp_affine(fixed, geometry.teacher_to_frame),
        'peaks': lambda: heatmap_peaks(fixed),
        'confidence quantile': lambda: confident(values, 0.5),
        'render Gaussians': lambda: render_gaussians(points, (side, side), 2., True, True),
        'mask of the covered pixels': lambda: covered_mask(
            geometry.teacher_to_frame, (side, side)),
        'keypoint occlusion': lambda: occlusion(bench.inputs['target_student'], occluded),
        'block mask': lambda: blocks(bench.inputs['target_student']),
        'consistency loss': loss(lambda: consistency(leaf, fixed, weights, mask)),
        'information maximization, published': information(),
        'information maximization, joint': information(
            form='joint', temperature=0.1, normalize='log'),
        'moving the teacher': lambda: pair.update_teacher(0.001, 'ema'),
    }
    if device.type == 'cpu':  # goes through NumPy
        tasks["MMPose's training accuracy (switched off)"] = lambda: pose_pck_accuracy(
            fixed.numpy(), bench.labels.numpy(), weights.numpy() > 0)
    return tasks
