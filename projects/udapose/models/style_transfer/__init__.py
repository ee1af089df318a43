"""Style transfer: AdaIN networks and parameter-free substitutes."""
from .adain import adain, channel_statistics
from .parameter_free import ChannelStatisticsTransfer, FourierAmplitudeTransfer

__all__ = ['ChannelStatisticsTransfer', 'FourierAmplitudeTransfer', 'adain', 'channel_statistics']
