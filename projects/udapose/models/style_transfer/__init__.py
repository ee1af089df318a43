"""Style transfer: AdaIN networks and parameter-free substitutes."""
from .adain import adain, channel_statistics
from .model import AdaINStyleTransfer
from .parameter_free import ChannelStatisticsTransfer, FourierAmplitudeTransfer
from .preprocessor import StyleImagePreprocessor
from .small import SmallStyleDecoder, SmallStyleEncoder
from .vgg import StyleDecoder, VGG19StyleEncoder

__all__ = ['AdaINStyleTransfer', 'ChannelStatisticsTransfer', 'FourierAmplitudeTransfer',
           'SmallStyleDecoder', 'SmallStyleEncoder', 'StyleDecoder', 'StyleImagePreprocessor',
           'VGG19StyleEncoder', 'adain', 'channel_statistics']
