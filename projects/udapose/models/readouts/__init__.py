"""Readouts: what the heads of MMPose's codec families predict, as points with confidence."""
from .base import Readout, build_readout, register_readout
from .heatmap import HeatmapReadout, MegviiReadout
from .regression import IntegralReadout, RegressionReadout
from .simcc import SimCCReadout

__all__ = ['HeatmapReadout', 'IntegralReadout', 'MegviiReadout', 'Readout', 'RegressionReadout',
           'SimCCReadout', 'build_readout', 'register_readout']
