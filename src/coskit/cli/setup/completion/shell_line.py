"""The command line that a user is typing, as bash would read it."""

from dataclasses import dataclass

_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "a": "\a",
    "b": "\b",
    "e": "\x1b",
    "f": "\f",
    "v": "\v",
}


@dataclass(frozen=True, slots=True)
class ShellLine:
    """The words up to the cursor.

    Attributes:
        words: the words before the one at the cursor, without quotes.
        current: the word at the cursor as far as it is typed, without quotes.
        quote: the quote that is open at the cursor: `'`, `"`, `$'` or none.
        kept: the beginning of the word that bash does not replace, without quotes.
        is_file: whether the word is the file of a redirection.
    """

    words: tuple[str, ...]
    current: str
    quote: str = ""
    kept: str = ""
    is_file: bool = False


def read_line(line: str, breaks: str = "") -> ShellLine:
    """Return the words of a line that ends at the cursor.

    Args:
        line: the line, which may end within quotes.
        breaks: the characters at which bash begins a new word to replace, `COMP_WORDBREAKS`.
    """
    return _LineReader(line, breaks).read()


class _LineReader:
    """Reads a line character by character."""

    def __init__(self, line: str, breaks: str) -> None:
        self._line = line
        self._breaks = breaks
        self._place = 0
        self._words: list[str] = []
        self._word: str | None = None  # None between words
        self._kept = 0
        self._quote = ""
        self._redirects = False

    def read(self) -> ShellLine:
        while self._place < len(self._line):
            self._step()
        word = self._word or ""
        return ShellLine(tuple(self._words), word, self._quote, word[: self._kept], self._redirects)

    def _step(self) -> None:
        sign = self._line[self._place]
        if sign.isspace():
            self._end_word()
        elif sign in "<>":
            self._word = None  # such as the 2 of 2>
            self._redirects = True
        elif sign == "\\":
            self._place += 1
            self._add(self._line[self._place : self._place + 1])
        elif sign in "'\"" or self._line.startswith("$'", self._place):
            self._read_quoted("$'" if sign == "$" else sign)
        else:
            self._add(sign)
            if sign in self._breaks:  # bash replaces an @ as well, for names of hosts
                self._kept = len(self._word or "") - (sign == "@")
        self._place += 1

    def _add(self, text: str) -> None:
        self._word = (self._word or "") + text

    def _end_word(self) -> None:
        if self._word is not None:
            if not self._redirects:
                self._words.append(self._word)
            self._redirects = False
        self._word, self._kept = None, 0

    def _read_quoted(self, quote: str) -> None:
        """Read up to the closing quote; if there is none, the word goes on from the opening one."""
        self._add("")
        before = len(self._word or "")
        self._place += len(quote)
        while self._place < len(self._line):
            sign = self._line[self._place]
            if sign == quote[-1]:
                return
            if sign == "\\" and quote != "'":
                self._place += 1
                sign = _unescaped(self._line[self._place : self._place + 1], quote)
            self._add(sign)
            self._place += 1
        self._quote, self._kept = quote, before


def _unescaped(sign: str, quote: str) -> str:
    """Return what a character after a backslash stands for within a quote."""
    if quote == "$'":
        return _ESCAPES.get(sign, sign)
    return sign if sign in '"\\$`\n' else f"\\{sign}"


def bash_text(value: str, quote: str) -> str:
    """Return a part of a word as bash reads it, within an open quote or without one."""
    if quote == "'":
        return value.replace("'", "'\\''")
    if quote == '"':
        return "".join(f"\\{sign}" if sign in '"\\$`' else sign for sign in value)
    if quote == "$'":
        return "".join(map(_escaped, value))
    if not value.isprintable():
        return f"$'{''.join(map(_escaped, value))}'"
    return "".join(sign if _is_plain(sign) else f"\\{sign}" for sign in value)


def _is_plain(sign: str) -> bool:
    return sign.isalnum() or sign in "_@%+=:,./-" or not sign.isascii()


def _escaped(sign: str) -> str:
    if sign in "\\'":
        return f"\\{sign}"
    return sign if sign.isprintable() else sign.encode("unicode_escape").decode()
