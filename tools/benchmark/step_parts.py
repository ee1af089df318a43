"""What `step_cost.py` times: the base, whole adaptation steps and each of their parts."""
from __future__ import annotations

import copy
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData
from torch import Tensor, nn

import udapose  # noqa: F401  (before anything of MMPose's)

# isort: split
from mmpose.models import TopdownPoseEstimator
from mmpose.registry import HOOKS, MODELS
from mmpose.structures import PoseDataSample
from step_settings import CHANNELS, JOINTS, NETS, estimator, model_config


def _affine(generator: np.random.Generator, size: int, flip: bool) -> np.ndarray:
    """Random rotation and scale about the centre, as the augmentation draws them."""
    angle, scale = generator.uniform(-1, 1), generator.uniform(0.8, 1.2)
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = linear @ np.diag([-1 if flip else 1, 1])
    matrix, centre = np.eye(3, dtype=np.float32), np.full(2, (size - 1) / 2)
    matrix[:2, :2], matrix[:2, 2] = linear, centre - linear @ centre
    return matrix


def make_batch(batch: int, size: int, device: torch.device) -> tuple[dict, dict]:
    """Random images and labels, behind the data preprocessor: inputs and data samples by branch."""
    generator, side = np.random.default_rng(0), size // 4
    indices = [*range(1, JOINTS, 2), *range(0, JOINTS, 2)]

    def sample(flip: bool, labelled: bool) -> PoseDataSample:
        result = PoseDataSample(metainfo=dict(
            flip_indices=indices, flip=flip, input_size=(size, size),
            base_matrix=np.eye(3, dtype=np.float32),
            input_matrix=_affine(generator, size, flip)))
        if labelled:
            result.gt_fields = PixelData(heatmaps=torch.rand(JOINTS, side, side, device=device))
            result.gt_instance_labels = InstanceData(
                keypoint_weights=torch.ones(1, JOINTS, device=device))
        return result

    branches = ('source', 'target_teacher', 'target_student')
    inputs = {b: torch.randn(batch, 3, size, size, device=device) for b in branches}
    samples = {b: [sample(b != 'source' and bool(i % 2), b == 'source') for i in range(batch)]
               for b in branches}
    return inputs, samples


@lru_cache
def drawing_seed(batch: int, prob: float) -> int:
    """A seed with which AdaINStyleHook(prob) draws the share of the samples that it says."""
    for seed in range(1000):
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.rand(batch, generator=generator, device='cpu') < prob
        if int(drawn.sum()) == round(prob * batch):
            return seed
    raise ValueError(f'no seed draws {prob:.0%} of {batch} samples')


class Workbench:
    """One pair of networks and one batch that everything is timed on.

    Args:
        depth (int): Of the ResNet: 18, 50 or 101.
        size (int): Side of the square inputs in pixels, a multiple of 32.
        batch (int): Images per domain, even (half of them are stylised).
        device (torch.device): Where.
        memory_format (torch.memory_format): Of all networks and images.
    """

    def __init__(self, depth: int, size: int, batch: int, device: torch.device,
                 memory_format: torch.memory_format = torch.contiguous_format) -> None:
        init_default_scope('mmpose')
        torch.manual_seed(0)
        self.depth, self.size, self.batch, self.device = depth, size, batch, device
        self.memory_format = memory_format
        plain = MODELS.build(dict(type='MeanTeacherPoseEstimator',
                                  pose_estimator=estimator(depth, size)))
        self.student, self.teacher = self._place(plain.student), self._place(plain.teacher)
        self.preprocessor = plain.data_preprocessor.data_preprocessor.to(device)
        self.inputs, self.samples = make_batch(batch, size, device)
        self.inputs = {k: v.to(memory_format=memory_format) for k, v in self.inputs.items()}
        self.labels = torch.stack([s.gt_fields.heatmaps for s in self.samples['source']])

    def _place(self, module: nn.Module) -> nn.Module:
        return module.to(self.device, memory_format=self.memory_format)

    # ------------------------------------------------------------------ base
    def base(self, joint: bool = False) -> Tensor:
        """The unavoidable passes with plain MSE losses.

        Args:
            joint (bool): One student pass over both domains instead of one per domain.
        """
        with torch.no_grad():
            self.teacher.head.forward(self.teacher.extract_feat(self.inputs['target_teacher']))
        parts = [self.inputs['source'], self.inputs['target_student']]
        labels = [self.labels, self.labels]
        if joint:
            parts, labels = [torch.cat(parts)], [torch.cat(labels)]
        loss = sum(F.mse_loss(self.student.head.forward(self.student.extract_feat(x)), y)
                   for x, y in zip(parts, labels, strict=True))
        loss.backward()
        return loss

    # ------------------------------------------------------------------ whole steps
    def model(self, suffix: str, **changes) -> nn.Module:
        """The mean teacher with a config's terms around this workbench's networks."""
        cfg = {**model_config(suffix), **changes, 'pose_estimator': estimator(18, self.size)}
        for term in (cfg.get('alignments') or {}).values():
            if term and 'discriminator' in term:
                term['discriminator']['in_channels'] = self.channels(term['feature'])
        cfg['pose_estimator']['backbone'].update(base_channels=8, stem_channels=8)  # thrown away
        cfg['pose_estimator']['head']['in_channels'] = 64
        model = MODELS.build(cfg)
        model.student, model.teacher = self.student, self.teacher
        return self._place(model).train()

    def channels(self, feature: str) -> int:
        """Channels of a feature of this workbench's networks."""
        return 256 if feature.startswith('head') else CHANNELS[self.depth]

    def step(self, suffix: str, style: dict | None, changes: dict) -> Callable[[], Tensor]:
        """A whole step but for the optimizer: style, losses, backward, moving the teacher.

        Args:
            suffix (str): Of the config.
            style (dict, optional): A spec as in :data:`STYLES`; None leaves style transfer out.
            changes (dict): Of the config's model.
        """
        model = self.model(suffix, **changes)
        stylize = self.style(style) if style else lambda: self.inputs['source']
        buffers = 'keep' if model.train_cfg['teacher_norm'] == 'batch' else 'ema'

        def run() -> Tensor:
            model.train()  # the networks are shared: another step may have left another mode
            inputs = dict(self.inputs, source=stylize())
            loss, run.log = model.parse_losses(model.loss(inputs, self.samples))
            loss.backward()
            model.update_teacher(0.001, buffers)
            return loss
        return run

    def preprocess(self, non_blocking: bool) -> Callable[[], dict]:
        """MMPose's data preprocessor on a batch that lies in the host's memory."""
        module = MODELS.build(dict(
            type='MultiBranchDataPreprocessor', data_preprocessor=dict(
                estimator(self.depth, self.size)['data_preprocessor'],
                non_blocking=non_blocking))).to(self.device)
        _, samples = make_batch(self.batch, self.size, torch.device('cpu'))
        images = {b: [torch.zeros(3, self.size, self.size, dtype=torch.uint8, device='cpu')
                      for _ in v] for b, v in samples.items()}
        return lambda: module(dict(inputs=images, data_samples=samples), True)

    # ------------------------------------------------------------------ parts
    def style(self, spec: dict) -> Callable[[], Tensor]:
        """Stylise half (or ``prob``) of the source images; a spec as in :data:`STYLES`."""
        prob = spec.get('prob', 0.5)
        seed = drawing_seed(self.batch, prob)
        net = spec['net'] if isinstance(spec['net'], dict) else NETS[spec['net']]
        hook = HOOKS.build(dict(
            type='AdaINStyleHook', stylizer=dict(net), prob=prob, vis_interval=0,
            resize=spec.get('resize', 1.), dtype=spec.get('dtype')))
        hook.stylizer = self._place(hook.stylizer).eval().requires_grad_(False)
        hook.preprocessor = self.preprocessor
        if spec.get('cached'):
            images = hook._shrink(torch.rand(4, 3, self.size, self.size, device=self.device))
            with torch.no_grad():
                codes = hook.stylizer.encode_style(images)
            hook.bank = SimpleNamespace(draw=lambda count, *_: codes[
                torch.randint(len(codes), (count,)).to(codes.device, non_blocking=True)])
        out = dict(inputs=self.inputs)
        module = SimpleNamespace(training=True)

        def run() -> Tensor:
            torch.manual_seed(seed)
            return hook._stylize_batch(module, (), out)['inputs']['source']
        return run

    def discriminator(self, feature: str, cfg: dict) -> Callable[[], Tensor]:
        """Adversarial loss of both domains, forward and backward down to the features."""
        term = self._place(MODELS.build(dict(
            type='DomainAdversarialLoss', feature=feature, discriminator=dict(
                type='PatchDiscriminator', in_channels=self.channels(feature), **cfg))))
        side = self.size // (4 if feature.startswith('head') else 32)
        features = {d: torch.randn(
            self.batch, self.channels(feature), side, side, device=self.device).to(
                memory_format=self.memory_format).requires_grad_() for d in ('source', 'target')}
        batch = SimpleNamespace(progress=1., **{
            d: SimpleNamespace(features={feature: f}) for d, f in features.items()})

        def run() -> Tensor:
            for leaf in (*features.values(), *term.parameters()):
                leaf.grad = None
            loss = term(batch)['loss_adversarial']
            loss.backward()
            return loss
        return run

    def no_network(self, suffix: str, changes: dict) -> Callable[[], Tensor]:
        """The whole step of a config with its networks' outputs given: all that is left.

        Discriminators and style transfer are parts of their own and left out. The losses are
        counted in full, although the base has (plain) losses too; so is moving the teacher.
        """
        model = self.model(suffix, **changes)
        for name in [n for n, t in model.alignments.items() if hasattr(t, 'discriminator')]:
            del model.alignments[name]
        model.tapped_features = []
        update, student = model.update_teacher, Replay(self, model.student)
        buffers = 'keep' if model.train_cfg['teacher_norm'] == 'batch' else 'ema'

        def run() -> Tensor:
            model.student, model.teacher = student, student
            loss, _ = model.parse_losses(model.loss(self.inputs, self.samples))
            loss.backward()
            model.student, model.teacher = self.student, self.teacher
            update(0.001, buffers)
            return loss
        return run


class Replay(nn.Module):
    """Stands in for an estimator: returns heatmaps that were computed before."""
    loss = TopdownPoseEstimator.loss  # a stock one: the head's losses and nothing else

    def __init__(self, bench: Workbench, network: nn.Module) -> None:
        super().__init__()
        side, batch = bench.size // 4, bench.batch
        self.outputs = {n: torch.rand(n, JOINTS, side, side, device=bench.device).requires_grad_()
                        for n in (batch, 2 * batch)}
        self.train_cfg = dict(compute_acc=False)
        head = copy.copy(network.head)  # its loss and codec, another forward
        head.__class__ = type('ReplayHead', (type(head),), dict(
            forward=lambda own, feats: self.outputs[len(feats[0])]))
        self.head = head

    def extract_feat(self, inputs: Tensor) -> tuple[Tensor]:
        """An empty feature map per image."""
        for leaf in self.outputs.values():
            leaf.grad = None
        return (inputs.new_empty(len(inputs), 1, 1, 1),)
