"""Packaging of udapose; the dependencies are explained in requirements/ and docs/install.md."""
import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent


def read_version() -> str:
    text = (ROOT / 'projects/udapose/version.py').read_text(encoding='utf-8')
    return re.search(r"__version__ = '([^']+)'", text).group(1)


def read_requirements(name: str) -> list:
    lines = (ROOT / 'requirements' / name).read_text(encoding='utf-8').splitlines()
    return [line for line in (raw.partition('#')[0].strip() for raw in lines) if line]


class BuildWithConfigs(build_py):
    """Copy ``configs/`` into the built package, so that they come along without a checkout.

    In an editable installation nothing is copied: udapose.configs finds the checkout's folder.
    """

    def run(self):
        super().run()
        if getattr(self, 'editable_mode', False):
            return
        target = Path(self.build_lib) / 'udapose' / '.mim' / 'configs'
        # A leftover of an earlier build would ship files that no longer exist.
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(ROOT / 'configs', target,
                        ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))


setup(
    name='udapose',
    version=read_version(),
    description='Unsupervised domain adaptation of pose estimation, as a plugin of MMPose',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8')
    if os.path.exists(ROOT / 'README.md') else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    package_dir={'': 'projects'},
    packages=find_packages('projects', include=['udapose', 'udapose.*']),
    py_modules=['udapose_command'],
    entry_points={'console_scripts': ['udapose = udapose_command:main']},
    package_data={'udapose': ['synthetic/assets/**/*', 'synthetic/assets/*']},
    python_requires='>=3.10',
    # Never torch, mmcv, mmengine or mmpose here: pip must not touch the user's own builds.
    install_requires=read_requirements('runtime.txt'),
    extras_require={'coco': read_requirements('coco.txt'),
                    'onnx': read_requirements('onnx.txt'),
                    'tests': read_requirements('tests.txt')},
    cmdclass={'build_py': BuildWithConfigs},
    zip_safe=False,
)
