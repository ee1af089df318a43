"""A run's folder as the report reads it: whatever is there, and sentences for what is not."""
from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..people import People, Predictions


@dataclass
class RunFolder:
    """The parts of a run; None or empty where a part is missing, ``problems`` say which.

    Attributes:
        path (Path): The folder.
        run, frames, plan, verdict (dict): Content of the json files.
        config (str): Text of ``config.py``.
        people (People, optional): Of the held-back frames.
        before, after (Predictions, optional): For ``people``.
        meta (dict): ``keypoint_id2name`` and ``skeleton_links`` of ``held_back.json``.
        scalars (dict): Curves of the training, name to (steps, values).
        problems (list[str]): Files that are damaged or do not fit each other.
    """
    path: Path
    run: dict = field(default_factory=dict)
    frames: dict = field(default_factory=dict)
    plan: dict = field(default_factory=dict)
    verdict: dict = field(default_factory=dict)
    config: str = ''
    people: People | None = None
    before: Predictions | None = None
    after: Predictions | None = None
    meta: dict = field(default_factory=dict)
    scalars: dict = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def kept_start(self) -> bool:
        """Whether ``model/`` is the start model."""
        return self.verdict.get('model') == 'start'

    @property
    def names(self) -> list[str]:
        """Of the joints; numbers where the run does not say."""
        names = self.meta.get('keypoint_id2name') or {}
        some = self.after or self.before
        count = some.points.shape[1] if some is not None else len(names)
        return [str(names.get(i, f'joint {i}')) for i in range(count)]


def read_run(path: str | Path) -> RunFolder:
    """Read a run's folder.

    Raises:
        FileNotFoundError: There is no such folder.
    """
    run = RunFolder(Path(path))
    if not run.path.is_dir():
        raise FileNotFoundError(f'{path} is no folder: name the folder of a run of `udapose adapt`')
    for name in ('run', 'frames', 'plan', 'verdict'):
        content = _json(run, f'{name}.json')
        setattr(run, name, content if isinstance(content, dict) else {})
    config = run.path / 'config.py'
    if config.exists():
        run.config = config.read_text(encoding='utf-8', errors='replace')
    held_back = run.path / 'held_back.json'
    if held_back.exists():
        try:
            run.people = People.load(held_back)
            run.meta = _meta(json.loads(held_back.read_text(encoding='utf-8')))
            if not run.meta['skeleton_links']:
                run.meta.update(_skeleton(run.path, len(run.meta['keypoint_id2name'])))
        except (OSError, ValueError, KeyError, TypeError) as error:
            run.problems.append(f'held_back.json cannot be read ({error})')
    for name in ('before', 'after'):
        setattr(run, name, _predictions(run, name))
    run.scalars = read_curves(run.path / 'work')
    return run


def _json(run: RunFolder, name: str):
    try:
        return json.loads((run.path / name).read_text(encoding='utf-8'))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        run.problems.append(f'{name} cannot be read ({error})')
        return None


def _predictions(run: RunFolder, name: str) -> Predictions | None:
    path = run.path / 'predictions' / f'{name}.npz'
    if not path.exists() or run.people is None:
        return None
    try:
        found = Predictions.load(path)
    except Exception as error:  # whatever a damaged archive raises
        run.problems.append(f'predictions/{path.name} cannot be read ({error})')
        return None
    if len(found.points) != len(run.people):
        run.problems.append(f'predictions/{path.name} is of {len(found.points)} people, '
                            f'held_back.json of {len(run.people)}: it is not shown')
        return None
    return found


def _meta(content: dict) -> dict:
    category = next((c for c in content.get('categories', []) if c.get('keypoints')), {})
    return dict(keypoint_id2name=dict(enumerate(category.get('keypoints', []))),
                skeleton_links=[(a - 1, b - 1) for a, b in category.get('skeleton', [])])


def _skeleton(path: Path, joints: int) -> dict:
    """Links and colours of the model's config, where ``held_back.json`` has none."""
    from mmengine.config import Config
    from mmpose.apis.inference import dataset_meta_from_config
    for config in (path / 'model/config.py', path / 'start/config.py'):
        try:
            meta = dataset_meta_from_config(Config.fromfile(config), dataset_mode='test') or {}
        except Exception:  # no such file, or a config that this installation cannot read
            continue
        if len(meta.get('keypoint_id2name') or {}) == joints:
            return {key: meta[key] for key in (
                'skeleton_links', 'skeleton_link_colors', 'keypoint_colors') if key in meta}
    return {}


def read_curves(work: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """All curves in a work directory, resumed parts joined; a line cut off by a kill is left out.

    Args:
        work (Path): With ``*/vis_data/scalars.json``.
    """
    rows: dict[str, dict[float, float]] = {}
    for path in sorted(work.glob('**/vis_data/scalars.json')):
        for line in path.read_text(encoding='utf-8', errors='replace').splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            for key, value in row.items() if isinstance(row, dict) else ():
                if key not in ('step', 'iter') and isinstance(value, (int, float)):
                    rows.setdefault(key, {})[row.get('step', row.get('iter', 0))] = value
    return {k: tuple(np.array(x, float) for x in zip(*sorted(v.items()))) for k, v in rows.items()}
