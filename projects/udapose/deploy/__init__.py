"""Models outside of PyTorch: ONNX files and what reads them."""
from .description import describe
from .onnx_export import export_onnx
from .pose_onnx import OnnxPose

__all__ = ['OnnxPose', 'describe', 'export_onnx']
