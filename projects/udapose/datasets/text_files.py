"""Reading text that users bring, in whatever Unicode encoding, whatever the locale is."""
from __future__ import annotations

import codecs

#: Marks at the start of a file; UTF-32's begins with UTF-16's.
_MARKS = ((codecs.BOM_UTF8, 'utf-8-sig'), (codecs.BOM_UTF32_LE, 'utf-32'),
          (codecs.BOM_UTF32_BE, 'utf-32'), (codecs.BOM_UTF16_LE, 'utf-16'),
          (codecs.BOM_UTF16_BE, 'utf-16'))


def read_text(path: str, key: str = '') -> str:
    """Content of a text file in UTF-8 (with or without a byte order mark), UTF-16 or UTF-32.

    UTF-16 and UTF-32 without a mark are recognised by their zero bytes, as JSON's standard has it
    (RFC 4627, section 3). Latin-1 and the like are refused: there are dozens of them, and a wrong
    guess turns file names into others.

    Args:
        path (str): The file.
        key (str): The config key or option that names it, for messages. Defaults to ``''``.

    Returns:
        str: Without a mark.

    Raises:
        ValueError: Another encoding, or no text at all.
    """
    with open(path, 'rb') as file:
        data = file.read()
    encoding = _encoding(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        named = f'{key}={path}' if key else path
        line = data[:error.start].count(b'\n') + 1
        raise ValueError(
            f'{named} is no text in UTF-8 (nor in UTF-16 or UTF-32): byte '
            f'0x{data[error.start]:02x} in line {line}. Is it in Latin-1 or a code page of '
            'Windows? Save it as UTF-8, for example: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW'
        ) from None


def read_lines(path: str, key: str = '') -> list[str]:
    """Lines of a list: stripped, without empty ones and comments (``#``); see :func:`read_text`."""
    # not splitlines(), which also ends lines at characters that names may contain
    lines = (line.strip() for line in read_text(path, key).replace('\r', '\n').split('\n'))
    return [line for line in lines if line and not line.startswith('#')]


def _encoding(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    zeros = [i for i, byte in enumerate(data[:4]) if not byte]
    return {(0, 1, 2): 'utf-32-be', (1, 2, 3): 'utf-32-le', (0, 2): 'utf-16-be',
            (1, 3): 'utf-16-le'}.get(tuple(zeros), 'utf-8')
