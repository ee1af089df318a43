"""How good a model is on images without labels."""
from __future__ import annotations

import math
import random

import numpy as np
import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmpose.registry import DATASETS, METRICS
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..engine.loops import mixed_seed
from ..models.pose_estimators.plain_models import plain_models, predicting_model
from ..models.readouts import Readout, build_readout
from ..models.utils.structures import map_tensors
from ..models.utils.view_geometry import view_geometry
from ..models.utils.warp import inside, invert, swap_channels, transform_points
from ..random_state import random_state_kept

_VIEWS = ('target_teacher', 'target_student')


@METRICS.register_module()
class LabelFreeCriteria:
    r"""Criteria that rank checkpoints without labels, on fixed pairs of views of fixed images.

    Each image is seen in two views, A and B. All criteria are of the evaluated model, except
    ``teacher_student``:

    - ``agreement`` (percent, greater is better): the share of joints whose prediction in A,
      brought into B with the recorded matrices, lies within ``threshold`` of the prediction in B.
      Only joints that both predictions place where both views overlap count; 0 if there are none.
    - ``score`` (percent, at most 100, greater is better): agreement beyond chance,
      :math:`(a - c) / (1 - c)` as in Cohen's kappa (1960), where :math:`c` is the agreement with
      the view B of *other* images: 0 for a model that ignores the image, however well it agrees.
    - ``teacher_student`` (percent, greater is better): as ``agreement``, of the teacher in A and
      the student in B; only for models that have both.
    - ``confidence`` (usually 0 to 1, greater is better): mean confidence, of heatmaps the mean of
      the peaks; not for heads that give none.
    - ``entropy`` (0 to 1, **less** is better): mean entropy of the predicted distributions, as a
      fraction of its largest value log n: of heatmaps with negative values cut off and normalised
      to sum 1 (n = H W), of SimCC's profiles the mean of both axes. Not for regression.
    - ``mutual_information`` (0 to 1, greater is better): entropy of a joint's mean distribution
      minus the mean entropy, over log n; 0 if all are the same. With N images it cannot exceed
      log(2 N) / log n. Not for regression.

    The views are drawn once, from ``seed`` and the image's index alone, and kept as uint8
    (``2 * num_images * 3 * H * W`` bytes), so that every validation, also after a resume, sees
    the same pixels; the run's random state is left as it was. Under DDP each rank takes its share
    of the images, and all get the same result.

    Args:
        num_images (int): Images, spread evenly over the data set. Defaults to 200.
        dataset (dict | Dataset, optional): Unlabelled images whose pipeline ends with
            ``ForkViews``. Defaults to the one given to :meth:`prepare`.
        threshold (float): Largest distance of agreeing predictions as a fraction of the input's
            longer side. Defaults to 0.05.
        batch_size (int): Views per forward pass. Defaults to 50.
        seed (int): Of the views. Defaults to 0.

    Raises:
        ValueError: Bad arguments, no data set, fewer than two images, a pipeline without
            ``ForkViews``, or a model whose codec has no readout.
    """

    def __init__(self, num_images: int = 200, dataset: dict | Dataset | None = None,
                 threshold: float = 0.05, batch_size: int = 50, seed: int = 0) -> None:
        if num_images < 2 or batch_size < 1 or threshold <= 0:
            raise ValueError('LabelFreeCriteria needs num_images >= 2, batch_size >= 1 and '
                             f'threshold > 0, got {num_images}, {batch_size} and {threshold}')
        self.num_images, self.threshold = num_images, threshold
        self.batch_size, self.seed = batch_size, seed
        self.dataset, self.dataset_meta, self.views = dataset, None, None

    def __len__(self) -> int:
        """Number of batches of this rank."""
        return math.ceil(len(self.views[_VIEWS[0]][0]) / self.batch_size)

    # ------------------------------------------------------------------ views
    def prepare(self, default: Dataset | dict | None = None) -> LabelFreeCriteria:
        """Draw and keep the views.

        Args:
            default (dict | Dataset, optional): Used if no ``dataset`` was given.
        """
        dataset = self.dataset if self.dataset is not None else default
        if dataset is None:
            raise ValueError(
                'label_free has no target images: train_dataloader.dataset is no TwoDomainDataset. '
                "Set label_free.dataset=dict(type='UnlabeledPoseDataset', data_root=..., "
                'metainfo=..., pipeline=[..., dict(type=\'ForkViews\', ...)]) (docs/data.md)')
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        count, ranks = min(len(dataset), self.num_images), get_world_size()
        if count < max(2, ranks):
            raise ValueError(f'label_free needs at least {max(2, ranks)} target images for '
                             f'{ranks} process(es), the data set has {len(dataset)}')
        self.dataset_meta = getattr(dataset, 'metainfo', None)
        # evenly over the data set, whose neighbours may be frames of a video
        indices = np.linspace(0, len(dataset) - 1, count).round().astype(int)
        self.indices = indices[get_rank()::ranks].tolist()
        with random_state_kept():
            items = [self._draw(dataset, index) for index in self.indices]
        self.views = {v: (torch.stack([item['inputs'][v] for item in items]),
                          [item['data_samples'][v] for item in items]) for v in _VIEWS}
        size = sum(images.numel() for images, _ in self.views.values()) / 2**20
        print_log(f'label-free criteria: two views of {len(items)} target images, {size:.1f} MiB',
                  logger='current')
        self.dataset = None  # only the views are needed
        return self

    def _draw(self, dataset: Dataset, index: int) -> dict:
        seed = mixed_seed(self.seed, index)
        random.seed(seed)
        np.random.seed(seed)
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would also reseed the GPUs
        item = dataset[index]
        inputs = item.get('inputs') if isinstance(item, dict) else None
        if not isinstance(inputs, dict) or any(inputs.get(view) is None for view in _VIEWS):
            raise ValueError("label_free needs two views of each image: let the data set's "
                             'pipeline end with ForkViews (docs/data.md)')
        return item

    # ------------------------------------------------------------------ measurement
    @torch.no_grad()
    def __call__(self, model: nn.Module) -> dict[str, float]:
        """Measure a model: a plain MMPose estimator or a wrapper around one or two.

        Args:
            model (nn.Module): Maybe wrapped for DDP. Its ``predict_on`` says which branch is
                evaluated. Its mode (training or evaluation) is given back.

        Returns:
            dict[str, float]: See the class.
        """
        if self.views is None:
            raise RuntimeError('call LabelFreeCriteria.prepare(dataset) before measuring')
        model = model.module if is_model_wrapper(model) else model
        was_training = model.training
        self.readout = build_readout(predicting_model(model))
        model.eval()
        try:
            parts = [self._measure_batch(model, begin) for begin in
                     range(0, len(self.indices), self.batch_size)]
        finally:
            model.train(was_training)
        totals = [sum(of_batches).cpu().double()
                  for of_batches in zip(*(p.pop('totals') for p in parts), strict=True)]
        own = {key: torch.cat([p[key] for p in parts]).cpu() for key in parts[0]}
        own.update(totals=totals, index=torch.tensor(self.indices))
        return self._summary(all_gather_object(own))

    def _measure_batch(self, model: nn.Module, begin: int) -> dict[str, Tensor]:
        """Statistics per image and joint; ``totals`` are sums over images and views, (K, n)."""
        evaluated, branches, readout = predicting_model(model), plain_models(model), self.readout
        batch = {view: self._inputs(model, view, begin) for view in _VIEWS}
        outputs = {view: _output(readout, evaluated, *batch[view]) for view in _VIEWS}
        samples = [batch[view][1] for view in _VIEWS]
        points = {view: readout.points(output) for view, output in outputs.items()}
        geometry = view_geometry(*samples, readout.scale_factor, points[_VIEWS[0]][0].device)
        scale = torch.as_tensor(readout.scale_factor).to(points[_VIEWS[0]][0]) / max(
            batch[_VIEWS[0]][0].shape[-2:])

        def compare(a: Tensor, b: Tensor) -> dict[str, Tensor]:
            a = swap_channels(a, geometry.flip_indices, geometry.teacher_swap)
            a = transform_points(a, geometry.teacher_to_frame)
            back = transform_points(b, invert(geometry.teacher_to_frame))
            return dict(a=a * scale, b=b * scale, a_seen=inside(a, readout.size),
                        b_seen=inside(back, readout.size))

        result = compare(*(points[view][0] for view in _VIEWS))
        if readout.has_confidence:
            result['confidence'] = torch.stack([c for _, c in points.values()]).mean(0)
        distributions = [*zip(*(readout.distributions(o) for o in outputs.values()), strict=True)]
        if distributions:
            result['entropy'] = torch.stack([
                _entropy(p) / math.log(p.shape[-1])
                for views in distributions for p in views]).mean(0)
        result['totals'] = [sum(p.sum(0) for p in views) for views in distributions]
        if len(branches) == 2:
            other = int(evaluated is branches['teacher'])  # the student is compared in view B
            pair = [points[view][0] for view in _VIEWS]
            pair[other] = readout.points(_output(
                readout, model.student if other else model.teacher, *batch[_VIEWS[other]]))[0]
            result.update({f'ts_{k}': v for k, v in compare(*pair).items()})
        return result

    def _inputs(self, model: nn.Module, view: str, begin: int) -> tuple[Tensor, list]:
        images, samples = (part[begin:begin + self.batch_size] for part in self.views[view])
        data = model.data_preprocessor(dict(inputs=list(images), data_samples=samples), False)
        return data['inputs'], samples

    def _summary(self, ranks: list[dict[str, Tensor]]) -> dict[str, float]:
        totals = [sum(of_ranks) for of_ranks in
                  zip(*(part['totals'] for part in ranks), strict=True)]
        order = torch.cat([part['index'] for part in ranks]).argsort()
        every = {key: torch.cat([part[key] for part in ranks])[order]
                 for key in ranks[0] if key not in ('totals', 'index')}
        count = len(order)
        agreement = self._agreement(every)
        # every image with up to 20 others
        shifts = np.linspace(1, count - 1, min(count - 1, 20)).round().astype(int)
        others = (torch.arange(count)[:, None] + torch.as_tensor(shifts)) % count
        chance = self._agreement(dict(
            a=every['a'][:, None], a_seen=every['a_seen'][:, None],
            b=every['b'][others], b_seen=every['b_seen'][others]))
        metrics = dict(
            agreement=100 * agreement,
            score=100 * (agreement - chance) / (1 - chance).clamp(min=1e-6))
        if 'confidence' in every:
            metrics['confidence'] = every['confidence'].mean()
        if totals:
            entropy = every['entropy'].double().mean()
            mean = torch.stack([_entropy(total / (2 * count)).mean() / math.log(total.shape[-1])
                                for total in totals]).mean()
            metrics.update(entropy=entropy, mutual_information=(mean - entropy).clamp(min=0))
        if 'ts_a' in every:
            metrics['teacher_student'] = 100 * self._agreement(
                {k.removeprefix('ts_'): v for k, v in every.items() if k.startswith('ts_')})
        return {key: float(value) for key, value in metrics.items()}

    def _agreement(self, pair: dict[str, Tensor]) -> Tensor:
        """Share of the joints seen in both views whose two positions agree."""
        near = (pair['a'] - pair['b']).norm(dim=-1) <= self.threshold
        seen = pair['a_seen'] & pair['b_seen']
        return (near & seen).sum().double() / seen.sum().clamp(min=1)


def _output(readout: Readout, estimator: nn.Module, inputs: Tensor, samples: list):
    output = estimator.head.forward(estimator.extract_feat(inputs))
    readout.check(estimator.head, output, samples)
    return map_tensors(Tensor.float, output)


def _entropy(p: Tensor) -> Tensor:
    """Entropy in nats over the last axis."""
    return -torch.special.xlogy(p, p).sum(-1)
