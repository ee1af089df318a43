"""The work behind `udapose check-data`: builds a config's data sets, examines and draws them."""
from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope
from mmpose.datasets import CombinedDataset
from mmpose.registry import DATASETS

from udapose.datasets.wrappers import inner_datasets

from ._dataset_checks import examine, overlap, spread
from ._dataset_sheet import sheet


class CombinedPart:
    """One data set within MMPose's ``CombinedDataset``, whose own annotations are whole samples.

    Annotations are the part's, items are what the whole makes of them. ``item_metainfo`` describes
    the joints of the items (the part's pipeline may convert them).
    """

    def __init__(self, whole: CombinedDataset, index: int) -> None:
        self.part, self._single = whole.datasets[index], copy.copy(whole)
        # the whole with this part alone, each instance once whatever its sampling ratio is
        self._single.datasets, self._single.resample = [self.part], False
        self._single._lens, self._single._len = [len(self.part)], len(self.part)
        self.item_metainfo = whole.metainfo
        self.pipeline = Compose([*self.part.pipeline.transforms, *whole.pipeline.transforms])

    def __getattr__(self, name: str):
        return getattr(self.part, name)

    def __len__(self) -> int:
        return len(self.part)

    def __getitem__(self, index: int) -> dict:
        return self._single[index]


def parts(name: str, dataset) -> Iterator[tuple[str, object]]:
    """The data sets with annotations of their own within ``dataset``, with their names."""
    if hasattr(dataset, 'num_source'):
        for part in ('source', 'target'):
            yield from parts(f'{name}/{part}', getattr(dataset, part))
    elif isinstance(dataset, CombinedDataset):
        for index in range(len(dataset.datasets)):
            yield f'{name}/{index}', CombinedPart(dataset, index)
    elif (inner := inner_datasets(dataset)) != [dataset]:  # ConcatDataset, RepeatDataset
        for index, part in enumerate(inner):
            yield from parts(f'{name}/{index}' if len(inner) > 1 else name, part)
    else:
        yield name, dataset


def build_all(cfg: Config) -> tuple[dict, dict[str, str]]:
    """Build the data sets of the data loaders.

    Returns:
        tuple[dict, dict[str, str]]: Name (``'train/source'``, ``'test'``, ``'train/0'`` of a
        ``CombinedDataset``) to data set, each different one once; name to why it could not be
        built.
    """
    built, failed, known = {}, {}, {}
    for loader in ('train', 'val', 'test'):
        dataset = (cfg.get(f'{loader}_dataloader') or {}).get('dataset')
        if dataset is None:
            continue
        text = json.dumps(dataset.to_dict() if hasattr(dataset, 'to_dict') else dataset,
                          sort_keys=True, default=str)
        if text in known:
            print(f'{loader}: the same as {known[text]}')
            continue
        known[text] = loader
        try:
            built.update(parts(loader, DATASETS.build(dataset)))
        except Exception as error:  # a data set may raise anything on what it finds
            failed[loader] = f'{type(error).__name__}: {error}'
    return built, failed


def check(cfg: Config, num: int, out: Path, decode_all: bool, max_reprojection: float) -> dict:
    """Check all data sets of a config and write the sheets.

    Returns:
        dict: The report; ``problems`` lists what is wrong, each with the data set's name.
    """
    built, failed = build_all(cfg)
    problems = [f'{name}: {reason}' for name, reason in failed.items()]
    if not built and not failed:
        problems.append('the config has no data set in its data loaders')
    report, infos = {}, {}
    out.mkdir(parents=True, exist_ok=True)
    for name, dataset in built.items():
        found, infos[name] = examine(dataset, num, decode_all, max_reprojection)
        picture, broken = sheet(dataset, infos[name], spread(len(dataset), num))
        found.problems += [f'the pipeline fails on {text}' for text in broken]
        path = out / f'{name.replace("/", "_")}.png'
        if not cv2.imwrite(str(path), picture):
            raise OSError(f'cannot write {path}')
        report[name] = dict(
            type=type(dataset.part if isinstance(dataset, CombinedPart) else dataset).__name__,
            name=dataset.metainfo.get('dataset_name'),
            data_root=str(getattr(dataset, 'data_root', '')), sheet=path.name, **found.numbers,
            notes=found.notes, problems=found.problems)
        problems += [f'{name}: {text}' for text in found.problems]
    for a in (n for n in built if n.startswith('train')):
        for b in (n for n in built if not n.startswith('train')):
            same_path, same_content = overlap(infos[a], infos[b], decode_all)
            for count, how in ((same_path, ''), (same_content, ' by content, in other files')):
                if count:
                    report[b]['notes'].append(f'{count} images are also in {a}{how}')
    return dict(config=str(cfg.filename), datasets=report, problems=problems)


def table(report: dict) -> str:
    """The report for people."""
    lines = []
    for name, d in report['datasets'].items():
        lines.append(f'{name}: {d["type"]} "{d["name"]}" ({d["data_root"]})')
        lines.append(f'  {d["instances"]} instances in {d["images"]} images; '
                     f'{_size(d["disk_bytes"])} on disk, {_size(d["decoded_bytes"])} decoded, '
                     f'{_size(d["annotation_bytes"])} annotations in memory')
        lines.append(f'  {d["decoded_images"]} images decoded: {", ".join(d["sizes"])}')
        if 'labelled_share' in d:
            lines.append(f'  {d["labelled_share"]:.1%} of the joints labelled; x, y from '
                         f'{d["keypoint_range"][:2]} to {d["keypoint_range"][2:]}'
                         if 'keypoint_range' in d else '  no joint is labelled')
        if 'reprojection' in d:
            lines.append('  reprojection error: mean {mean:.3f}, median instance {median:.3f}, '
                         'worst joint {max:.3f} pixels'.format(**d['reprojection']))
        if d.get('left_right'):
            worst = min(d['left_right'], key=d['left_right'].get)
            lines.append(f'  left and right: {worst}: {d["left_right"][worst]:.0%} (the lowest of '
                         f'{len(d["left_right"])})')
        lines += [f'  note: {text}' for text in d['notes']]
    return '\n'.join(lines)


def _size(number: float) -> str:
    power = min(int(np.log10(max(number, 1)) // 3), 4)
    return f'{number / 1000**power:.3g} {("B", "kB", "MB", "GB", "TB")[power]}'


def run(args) -> int:
    """Check, write the report, print it; see :mod:`udapose.cli.check_data`."""
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    init_default_scope('mmpose')
    out = args.out or Path('work_dirs') / f'check_{args.config.stem}'
    report = check(cfg, args.num, out, args.all, args.max_reprojection)
    (out / 'report.json').write_text(json.dumps(report, indent=1) + '\n', encoding='utf-8')
    print(table(report))
    sheets = len(report['datasets'])
    print(f'wrote {out}/report.json' + (f' and {sheets} sheets: look at them' if sheets else ''))
    for problem in report['problems']:
        print(f'error: {problem}', file=sys.stderr)
    return 1 if report['problems'] else 0
