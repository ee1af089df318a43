"""Data sets within data sets: MMEngine's and MMPose's wrappers, and how to look into them."""
from __future__ import annotations

from collections.abc import Iterator, Mapping


def inner_configs(cfg: Mapping) -> Iterator[Mapping]:
    """Configs of the data sets with annotations of their own, in order.

    Args:
        cfg (Mapping): Of a data set, or of a wrapper: ``ConcatDataset`` and ``CombinedDataset``
            have ``datasets``, ``RepeatDataset`` and ``ClassBalancedDataset`` have ``dataset``.
    """
    parts = cfg.get('datasets') or ([cfg['dataset']] if cfg.get('dataset') else [])
    if not parts:
        yield cfg
    for part in parts:
        if isinstance(part, Mapping):
            yield from inner_configs(part)


def inner_datasets(dataset) -> list:
    """The data sets with a pipeline of their own: those within ``ConcatDataset`` and the like.

    A ``CombinedDataset`` has one, which goes on where those of its parts end, and is not opened.

    Args:
        dataset: As built.
    """
    parts = [] if hasattr(dataset, 'pipeline') else getattr(dataset, 'datasets', None) or [
        part for part in [getattr(dataset, 'dataset', None)] if part is not None]
    return [found for part in parts for found in inner_datasets(part)] or [dataset]


def without_pipelines(cfg: Mapping) -> dict:
    """A copy of a data set's config whose items are the bare annotations.

    Args:
        cfg (Mapping): Of a data set or a wrapper.
    """
    out = dict(cfg)
    if 'datasets' in out:
        out['datasets'] = [without_pipelines(part) if isinstance(part, Mapping) else part
                           for part in out['datasets']]
    elif isinstance(out.get('dataset'), Mapping):
        return dict(out, dataset=without_pipelines(out['dataset']))  # it takes no pipeline
    if 'datasets' not in out or 'pipeline' in out:  # of the wrappers only CombinedDataset does
        out['pipeline'] = []
    return out
