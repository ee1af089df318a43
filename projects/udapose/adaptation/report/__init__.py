"""The report of a run: one file that opens without a network."""
from .page import write_report

__all__ = ['write_report']
