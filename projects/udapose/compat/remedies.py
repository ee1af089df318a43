"""Which packages bring what is missing: it depends on whose stack this is.

OpenMMLab's packages and their maintained forks, the OneDL family (``onedl-mmengine``,
``onedl-mmcv``, ``onedl-mmdetection``, ...), share their import names. Installing one family's
package into the other's environment would overwrite parts of it.
"""
from importlib import metadata

ONEDL = ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection')


def is_installed(distribution: str) -> bool:
    """Whether a distribution (not: an importable module) of this name is installed."""
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def uses_onedl() -> bool:
    """Whether packages of the OneDL family are installed."""
    return any(is_installed(name) for name in ONEDL)


def mmcv_remedy() -> str:
    """How to get mmcv with its compiled operators here."""
    first = '`pip uninstall mmcv-lite`, then ' if is_installed('mmcv-lite') else ''
    if uses_onedl():
        return ('Install onedl-mmcv with its compiled operators, the mmcv of your onedl-mmengine '
                f'(OpenMMLab\'s own would replace that): {first}a wheel from the OneDL project\'s '
                'own package index, or `pip install --no-build-isolation onedl-mmcv`, which '
                'builds them against your torch (C++ compiler, minutes).')
    return (f'Install the full mmcv with its compiled operators: {first}`mim install mmcv` '
            '(OpenMMLab has wheels for older torch only).')


def mmdet_remedy() -> str:
    """How to get MMDetection here."""
    if uses_onedl():
        return ('Install the MMDetection of your onedl-mmengine (`pip install onedl-mmdetection`); '
                'it needs onedl-mmcv with its compiled operators.')
    return 'Install MMDetection (`mim install mmdet`); it needs the full mmcv.'
