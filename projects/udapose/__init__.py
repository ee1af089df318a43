"""udapose: unsupervised domain adaptation of pose estimation, as a plugin of MMPose.

``custom_imports = dict(imports=['udapose'], allow_failed_imports=False)`` in any MMPose config
registers every component in MMPose's own registries.
"""
# isort: off
# The order matters: the mends must be in place before anything imports `mmpose.models`.
from . import compat
from . import codecs
from . import datasets, engine, evaluation, models
# isort: on
from .version import __version__

__all__ = ['__version__', 'codecs', 'compat', 'datasets', 'engine', 'evaluation', 'models']
