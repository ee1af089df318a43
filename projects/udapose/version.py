"""The one place that holds udapose's version; ``setup.py`` reads it without importing it."""

__version__ = '0.1.0'
