"""Evaluate a checkpoint, with all options of MMPose's own test.py.

    udapose test CONFIG CHECKPOINT [--dump FILE] [--work-dir DIR] [--cfg-options KEY=VALUE ...]

Finds and runs the script of the installed MMPose.
"""
PASS_THROUGH = True


def run(args) -> int:
    """Run MMPose's test.py with ``args.arguments``."""
    from ._mmpose_tool import run_mmpose_tool
    return run_mmpose_tool('test.py', args.arguments)
