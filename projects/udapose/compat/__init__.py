"""Fixes that let MMPose import, train on CPUs and load checkpoints on a current stack.

Each fix first looks whether the thing works; where it does, nothing is touched. What was fixed
is logged by the logger ``udapose`` (level debug) and listed by :func:`applied_fixes`.

Importing this package applies all fixes, once per process.
"""
from .fixes import Fix, applied_fixes
from .ops import MissingDependencyError

__all__ = ['Fix', 'MissingDependencyError', 'applied_fixes', 'apply']


def apply() -> tuple[Fix, ...]:
    """Apply every fix that this environment needs; calling it again changes nothing.

    Returns:
        tuple[Fix, ...]: all fixes that are in force in this process.

    Raises:
        MissingDependencyError: If mmengine, mmcv or mmpose itself is not installed.
    """
    # pkg_resources first: MMEngine needs it to find packages; number formats before the heads
    # are imported, since the heads bind the function's name.
    from . import amp, checkpoints, distributed, joint_order, ops, package_lookup, xtcocotools
    ops.require_base_packages()
    package_lookup.fix()
    xtcocotools.fix()
    amp.fix_to_numpy()
    ops.import_mmpose_models()
    amp.rebind_to_numpy()
    amp.fix_cpu_amp()
    joint_order.fix()
    checkpoints.fix()
    distributed.fix()
    return applied_fixes()


apply()
