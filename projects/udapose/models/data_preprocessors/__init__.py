"""Data preprocessors."""
from .multi_branch import MultiBranchDataPreprocessor
from .reconstruction import ReconstructionDataPreprocessor

__all__ = ['MultiBranchDataPreprocessor', 'ReconstructionDataPreprocessor']
