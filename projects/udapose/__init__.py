"""udapose: unsupervised domain adaptation of pose estimation, as a plugin of MMPose.

``custom_imports = dict(imports=['udapose'], allow_failed_imports=False)`` in any MMPose config
registers every component in MMPose's own registries.
"""
import sys

from .version import __version__

__all__ = ['__version__', 'adapt', 'codecs', 'compat', 'datasets', 'engine', 'evaluation',
           'load_components', 'models']

_LIGHT = ('udapose', 'udapose.configs', 'udapose.synthetic')  # after `python -m`


def load_components() -> None:
    """Register every component in MMPose's registries; ``import udapose`` does so.

    Only the command line, which starts light, calls it itself. Calling it again changes nothing.

    Raises:
        udapose.compat.MissingDependencyError: If mmengine, mmcv or mmpose is not installed.
    """
    # isort: off
    # The order matters: the fixes must be in place before anything imports `mmpose.models`.
    from . import compat  # noqa: F401
    from . import codecs  # noqa: F401
    from . import datasets, engine, evaluation, models  # noqa: F401
    # isort: on


def adapt(*, data, out, **options):
    """Adapt a model to videos or images, and say whether it got better; see docs/adapt.md.

    Args:
        data (str | Sequence[str]): Videos, images, or folders of these.
        out (str): The run's folder; a run that it holds is continued.
        **options: As the options of ``udapose adapt``: ``model`` or ``config`` and ``checkpoint``,
            ``boxes``, ``labels``, ``source``, ``max_frames``, ``iterations``, ``device``, ``seed``,
            ``onnx``, ``predict``, ``dry_run``, and ``cfg_options`` as a dict.

    Returns:
        udapose.adaptation.run.Result: ``verdict``, ``report``, ``model``, ``folder``.

    Raises:
        FileNotFoundError, OSError, RuntimeError, ValueError: What cannot be used, and the remedy.

    Example:
        >>> from udapose import adapt
        >>> result = adapt(model='human', data='my_videos/', out='runs/kitchen')
        >>> result.verdict['sentence'], result.report
    """
    load_components()
    from .adaptation.options import Options
    from .adaptation.run import Adaptation
    return Adaptation(Options(data=data, out=out, **options)).run()


def _is_command_line() -> bool:
    """Whether this import is the start of the command `udapose` or `python -m udapose`."""
    if getattr(sys.modules.get('udapose_command'), 'starting', False):
        return True
    # Python imports the package of `-m` while sys.argv[0] still says so. In worker processes of
    # such a command, orig_argv is another one.
    given = sys.orig_argv
    return sys.argv[:1] == ['-m'] and '-m' in given and \
        given[given.index('-m') + 1] in _LIGHT


if not _is_command_line():
    load_components()
