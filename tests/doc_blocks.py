"""The fenced code blocks of README.md, CONTRIBUTING.md and docs/, and the commands in them.

Imports nothing of the stack: ``doc_process.py`` must start without udapose.
"""
import re
import shlex
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r'^```(\w*)\n(.*?)^```', re.DOTALL | re.MULTILINE)
SHELL = ('bash', 'sh', 'console')
PROGRAMS = ('python', 'bash', 'pip', 'mim', 'udapose', '.')


class Block(NamedTuple):
    """One fenced block: its page, number on it (from 1), language and text."""
    page: str
    number: int
    language: str
    text: str

    @property
    def name(self):
        return f'{self.page}#{self.number}'


def pages():
    """All pages, relative to the repository."""
    found = [ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', *(ROOT / 'docs').rglob('*.md')]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


def blocks(page):
    """The blocks of a page; one without a language that starts with a command counts as bash."""
    found = []
    for number, (language, text) in enumerate(FENCE.findall((ROOT / page).read_text()), 1):
        if not language:
            language = 'bash' if text.split(maxsplit=1)[0] in PROGRAMS else 'listing'
        found.append(Block(page, number, 'bash' if language in SHELL else language, text))
    return found


def of_language(language):
    """Blocks of this language on all pages."""
    return [block for page in pages() for block in blocks(page) if block.language == language]


def commands(text):
    """The commands of a shell block as word lists, with its variables put in.

    ``[--option VALUE]`` loses its brackets, ``a|b`` stays one word.
    """
    variables, found = {}, []
    for line in text.replace('\\\n', ' ').splitlines():
        words = shlex.split(line, comments=True)
        while words and re.fullmatch(r'[A-Z_]+=\S+', words[0]):
            name, _, value = words.pop(0).partition('=')
            variables[name] = value
        for name, value in variables.items():
            words = [w.replace(f'${{{name}}}', value).replace(f'${name}', value) for w in words]
        if '-c' not in words:
            words = [w.strip('[]') for w in words if w.strip('[]') not in ('', '..', '...')]
        if words:
            found.append(words)
    return found
