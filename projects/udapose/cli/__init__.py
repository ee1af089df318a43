"""Commands of ``udapose``; see each module."""
