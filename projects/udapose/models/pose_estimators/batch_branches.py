"""Which branches a training batch must have."""
from __future__ import annotations

from torch import Tensor

VIEWS = ('target_teacher', 'target_student')


def check_branches(inputs: Tensor | dict, source_free: bool) -> None:
    """Require two views of the target, and source images if and only if the model expects them.

    Args:
        inputs (Tensor | dict): Of the batch, by branch.
        source_free (bool): ``train_cfg.source_free``.

    Raises:
        ValueError: Names what is missing or too much, and the key to change.
    """
    found = set(inputs) if isinstance(inputs, dict) else set()
    if 'source' in found and source_free:
        raise ValueError(
            'model.train_cfg.source_free=True, but the batch has source images: set '
            'train_dataloader.dataset to the target alone (an UnlabeledPoseDataset with '
            'ForkViews, and a usual sampler), or source_free=False (docs/source_free.md)')
    if found >= {*VIEWS} and 'source' not in found and not source_free:
        raise ValueError(
            'MeanTeacherPoseEstimator: the batch has no source images. To adapt without them, set '
            'model.train_cfg.source_free=True (docs/source_free.md); with them, use '
            'TwoDomainDataset with TwoDomainSampler (docs/data.md)')
    needed = {*VIEWS} if source_free else {'source', *VIEWS}
    if needed - found:
        how = 'UnlabeledPoseDataset' if source_free else 'TwoDomainDataset with TwoDomainSampler'
        raise ValueError(
            f'MeanTeacherPoseEstimator needs the branches {sorted(needed)} in a training batch, '
            f'got {sorted(found) or type(inputs).__name__}: use {how}, and ForkViews in the target '
            'pipeline (docs/data.md)')


def check_terms(terms: dict, source_free: bool) -> None:
    """Refuse terms that compare both domains if there is only one.

    Args:
        terms (dict[str, nn.Module]): Alignment terms by name; ``needs_source`` tells.
        source_free (bool): ``train_cfg.source_free``.

    Raises:
        ValueError: Names the term and the key to change.
    """
    for name, term in terms.items():
        if source_free and getattr(term, 'needs_source', False):
            hint = "or let it look at the target alone with on=('target',), " \
                if hasattr(term, 'on') else ''
            raise ValueError(
                f'alignments.{name}: {type(term).__name__} needs source images, but '
                'model.train_cfg.source_free=True: leave it out '
                f'(model.alignments.{name}=None), {hint}or adapt with source images')
