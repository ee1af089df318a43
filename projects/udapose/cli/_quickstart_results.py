"""The quickstart's last phase, in one process: scores of all models, export, pictures."""
from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from . import _pictures
from ._config_text import format_once
from ._experiment import write_json


def score(test: dict, work_dir: Path) -> dict[str, float]:
    """Test one model on one domain.

    Args:
        test (dict): ``config``, ``checkpoint``, ``changes`` (dotted keys to values), ``method``,
            ``domain``.
        work_dir (Path): For MMEngine's log.

    Returns:
        dict[str, float]: The metrics by their names.
    """
    cfg = Config.fromfile(test['config'])
    cfg.merge_from_dict(test['changes'])
    name = f'{test["method"]}_{test["domain"]}'
    # Only what a test needs; names, since MMEngine keeps one logger and visualizer for each.
    for part in ('train', 'val'):
        cfg[f'{part}_dataloader'] = cfg[f'{part}_cfg'] = None
    cfg.update(optim_wrapper=None, param_scheduler=None, val_evaluator=None, custom_hooks=[],
               work_dir=str(work_dir / name), load_from=test['checkpoint'], experiment_name=name)
    cfg.vis_backends = cfg.visualizer.vis_backends = []
    cfg.visualizer.name = name
    return Runner.from_cfg(cfg).test()


def main(path: Path) -> None:
    """Run the tests of a file that :mod:`udapose.cli.quickstart` has written beside the models."""
    plan, out = json.loads(path.read_text(encoding='utf-8')), path.parent
    format_once()
    results: dict = {}
    steps = len(plan['tests']) + 1
    for done, test in enumerate(plan['tests'], 1):
        results.setdefault(test['method'], {})[test['domain']] = score(test, out / 'tests')
        print(f'[{done}/{steps}] eta: ?', flush=True)  # as a training tells how far it is
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu'
    _pictures.export_adapted(out)
    _pictures.before_after(out, Path(plan['data']), plan['tests'])
    _pictures.curves(out)
    write_json(out / 'scores.json', dict(results=results, device=device))


if __name__ == '__main__':
    main(Path(sys.argv[1]))
