"""What tools/install.sh has to install into an environment that somebody already uses.

``python missing.py DIR`` writes copies of the requirement lists without what this Python can
import already, and ``keep.txt``, constraints that hold those packages at their versions.
"""
import re
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

# The module that tells whether a package is there, under whatever name it was installed.
MODULES = {
    'torch': 'torch', 'torchvision': 'torchvision', 'numpy': 'numpy', 'onedl-mmengine': 'mmengine',
    'mmcv-lite': 'mmcv', 'mmpose': 'mmpose', 'mmpretrain': 'mmpretrain', 'openmim': 'mim',
    'opencv-python-headless': 'cv2', 'xtcocotools': 'xtcocotools', 'setuptools': 'pkg_resources',
    'faster-coco-eval': 'faster_coco_eval'}


def name_of(line: str) -> str:
    """The package's name at the beginning of a requirement line; empty for a comment."""
    return re.match(r'[\w.-]*', line).group().lower().replace('_', '-')


def present() -> set[str]:
    """Names of requirement lines that are not needed in this environment."""
    names = {name for name, module in MODULES.items() if find_spec(module) is not None}
    if 'numpy' in names and int(metadata.version('numpy').split('.')[0]) >= 2:
        names.add('xtcocotools')  # its wheel is for numpy 1; faster-coco-eval does its work
    return names


def main(out: Path) -> None:
    """Write the lists and the constraints into ``out`` and say what is kept."""
    kept = present()
    for path in Path(__file__).parent.glob('*.txt'):
        lines = path.read_text(encoding='utf-8').splitlines()
        (out / path.name).write_text(
            ''.join(f'{line}\n' for line in lines if name_of(line) not in kept), encoding='utf-8')
    providers = metadata.packages_distributions()
    versions = {}
    for name in kept:
        # Python 3.10 does not know the providers of packages without top_level.txt
        for package in providers.get(MODULES[name], (name, MODULES[name])):
            try:
                versions[package] = metadata.version(package)
            except metadata.PackageNotFoundError:
                continue
    pins = [f'{package}=={version}' for package, version in sorted(versions.items())]
    (out / 'keep.txt').write_text('\n'.join(pins), encoding='utf-8')
    print(f'using the environment {sys.prefix}; of its own it keeps: {" ".join(pins) or "nothing"}')


if __name__ == '__main__':
    main(Path(sys.argv[1]))
