"""The plan on systems that lack what Linux has."""
import importlib.util
import sys

from udapose.adaptation import plan


def test_a_system_that_does_not_tell_the_memory(monkeypatch):
    """As on Windows: there is no module `resource`; the plan leaves the line out."""
    monkeypatch.setitem(sys.modules, 'resource', None)
    spec = importlib.util.spec_from_file_location('udapose.adaptation.plan_again', plan.__file__)
    again = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(again)
    assert again._most_memory('cpu') is None and plan._most_memory('cpu') > 50
    lines = again.format_plan(dict(
        frames=dict(chosen=9, held_back=1), people=dict(train=8, held_back=1), iterations=5,
        batch=2, device='cpu', source=None, seconds=9, memory_mb=None))
    assert '5 iterations' in lines and 'memory' not in lines
