"""Completion of the words of a command line: verbs, options, their values, places."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args, get_origin

from coskit.cli.arguments.leading_options import FLAGS, VALUES
from coskit.cli.command_table import ENTRIES
from coskit.cli.setup.completion.candidate import Candidate, Completion, matching

_SCHEMES = ("cos://", "s3://")
# The commands whose locations may be local paths.
_LOCAL = frozenset(("cp", "mv", "sync", "diff"))
# The names of arguments that are locations.
_PLACES = frozenset(("LOCATION", "OBJECT", "BUCKET", "SOURCE", "DESTINATION"))
_ACLS = ("private", "public-read", "public-read-write", "default")
_REGIONS = (
    "ap-bangkok ap-beijing ap-beijing-fsi ap-chengdu ap-chongqing ap-guangzhou ap-guangzhou-fsi "
    "ap-hongkong ap-jakarta ap-mumbai ap-nanjing ap-seoul ap-shanghai ap-shanghai-fsi "
    "ap-shenzhen-fsi ap-singapore ap-tokyo eu-frankfurt na-ashburn na-siliconvalley sa-saopaulo"
).split()
_CLASSES = (
    "STANDARD STANDARD_IA INTELLIGENT_TIERING ARCHIVE DEEP_ARCHIVE MAZ_STANDARD MAZ_STANDARD_IA "
    "MAZ_INTELLIGENT_TIERING"
).split()
_VALUES = MappingProxyType(
    {
        "--acl": _ACLS,
        "--dialect": ("cos", "s3"),
        "--region": _REGIONS,
        "--storage-class": _CLASSES,
    }
)


def complete_words(words: Sequence[str], current: str) -> Completion:
    """Return what completes a command line.

    Args:
        words: the words behind `coskit`, up to the one at the cursor.
        current: the word at the cursor, as far as it is typed.
    """
    place, settings = _after_leading_options(words)
    if place > len(words):
        return _named_values(words[-1], current)
    if place == len(words):
        return _first_word(current)
    entry = ENTRIES.get(words[place])
    if entry is None:
        return Completion()
    from coskit.cli.commands import load  # typer takes longer to import than the rest

    return _CommandWords(load(entry), entry.name, settings).complete(words[place + 1 :], current)


def _after_leading_options(words: Sequence[str]) -> tuple[int, dict[str, str]]:
    """Return the place of the verb, beyond the end if a value is missing, and the options."""
    place, settings = 0, dict[str, str]()
    while place < len(words):
        name, equals, value = words[place].partition("=")
        if name in FLAGS:
            settings[name] = "true"
            place += 1
        elif name in VALUES:
            if not equals:
                value = words[place + 1] if place + 1 < len(words) else ""
            settings[name] = value
            place += 1 if equals else 2
        else:
            break
    return place, settings


def _first_word(current: str) -> Completion:
    if current.startswith("-"):
        name, equals, typed = current.partition("=")
        if equals:
            return _with_prefix(f"{name}=", _named_values(name, typed))
        options = ("--help", "--version", *VALUES, *FLAGS)
        return matching(current, [Candidate(option) for option in options])
    return matching(current, [Candidate(each.name, each.help) for each in ENTRIES.values()])


def _with_prefix(prefix: str, found: Completion) -> Completion:
    """Return candidates for the value in a word such as `--region=ap-`."""
    candidates = [
        Candidate(prefix + each.value, each.help, each.is_part) for each in found.candidates
    ]
    return Completion(tuple(candidates), found.files)


def _named_values(option: str, typed: str) -> Completion:
    """Return the values of an option that is known by its name."""
    if option == "--profile":
        return matching(typed, _profiles())
    return matching(typed, [Candidate(value) for value in _VALUES.get(option, ())])


def _profiles() -> list[Candidate]:
    from coskit.client.credentials.resolver import config_file, read_tables

    tables = read_tables(config_file())
    return [Candidate(name) for name, table in tables.items() if isinstance(table, dict)]


class _CommandWords:
    """Completes the words behind a verb.

    Args:
        command: the command, or a set of commands.
        verb: its name.
        settings: the options that stand before the verb.
    """

    def __init__(self, command: Any, verb: str, settings: Mapping[str, str]) -> None:
        self._command = command
        self._verb = verb
        self._settings = dict(settings)

    def complete(self, words: Sequence[str], current: str) -> Completion:
        """Return what completes the word at the cursor."""
        below: dict[str, Any] = getattr(self._command, "commands", {})
        if not below:
            return self._in_command(words, current)
        names = [Candidate(name, _first_line(each)) for name, each in below.items()]
        chosen = next((word for word in words if not word.startswith("-")), None)
        if chosen in below:
            rest = list(words)
            rest.remove(chosen)
            return self._inner(below[chosen]).complete(rest, current)
        found = matching(current, names) if chosen is None else Completion()
        if not _has_default(self._command):
            return found
        first = self._inner(next(iter(below.values()))).complete(words, current)
        return Completion((*found.candidates, *first.candidates), first.files)

    def _inner(self, command: Any) -> "_CommandWords":
        return _CommandWords(command, self._verb, self._settings)

    def _in_command(self, words: Sequence[str], current: str) -> Completion:
        options = {
            name: param
            for param in self._command.params
            for name in (*param.opts, *param.secondary_opts)
            if name.startswith("-")
        }
        arguments = [param for param in self._command.params if param.param_type_name == "argument"]
        waiting, count, only_arguments = self._read(words, options)
        if waiting is not None:
            return self._option_value(waiting, options[waiting], current)
        if current.startswith("-") and not only_arguments:
            name, equals, typed = current.partition("=")
            if equals and name in options:
                return _with_prefix(f"{name}=", self._option_value(name, options[name], typed))
            used = {options[word.partition("=")[0]].name for word in words if word in options}
            return matching(current, _option_candidates(self._command.params, used))
        if not arguments:
            return Completion()
        last = arguments[-1]
        param = arguments[count] if count < len(arguments) else last
        if count >= len(arguments) and last.nargs == 1:
            return Completion()
        return self._argument(param, current)

    def _read(
        self, words: Sequence[str], options: Mapping[str, Any]
    ) -> tuple[str | None, int, bool]:
        """Read the words: the option that waits for a value, the arguments, whether `--` came."""
        waiting, count, only_arguments = None, 0, False
        for word in words:
            name, equals, value = word.partition("=")
            if waiting is not None:
                self._settings[waiting], waiting = word, None
            elif only_arguments or not word.startswith("-") or word == "-":
                count += 1
            elif word == "--":
                only_arguments = True
            elif name in options:
                if equals or _is_flag(options[name]):
                    self._settings[name] = value or "true"
                else:
                    waiting = name
        return waiting, count, only_arguments

    def _option_value(self, name: str, param: Any, typed: str) -> Completion:
        choices, is_path = _kind(self._command, param)
        if choices:
            return matching(typed, [Candidate(choice) for choice in choices])
        found = _named_values(name, typed)
        if found.candidates:
            return found
        if typed.startswith(_SCHEMES):
            return self._remote(typed)
        return Completion(files=is_path or "file" in f"{param.metavar} {param.help}".lower())

    def _argument(self, param: Any, typed: str) -> Completion:
        choices, is_path = _kind(self._command, param)
        if choices:
            return matching(typed, [Candidate(choice) for choice in choices])
        name = str(param.metavar or param.name).strip("[].")
        if typed.startswith(_SCHEMES):
            return self._remote(typed)
        if name in _PLACES and not (is_path and self._verb not in _LOCAL):
            return self._place(typed)
        found = matching(typed, _named_words(self._verb, name))
        if found.candidates:
            return found
        return Completion(files=is_path or "file" in f"{param.metavar} {param.help}".lower())

    def _place(self, typed: str) -> Completion:
        """Return the scheme of a location, and local names where these are places too."""
        scheme = "s3://" if self._settings.get("--dialect") == "s3" else "cos://"
        places = matching(typed, [Candidate(scheme, is_part=True)]).candidates
        if self._verb not in _LOCAL:
            return Completion(places)
        if not typed or not places:
            return Completion(files=True)
        return Completion((*places, *_local_names(typed)))

    def _remote(self, typed: str) -> Completion:
        from coskit.cli.setup.completion.remote_names import complete_location

        return complete_location(typed, self._settings)


def _named_words(verb: str, name: str) -> list[Candidate]:
    """Return the words that an argument of this name may be."""
    if verb == "config" and name == "NAME":
        return _profiles()
    if name == "SETTING":
        from coskit.cli.buckets.settings import SETTINGS

        return [Candidate(setting) for setting in SETTINGS]
    return [Candidate(acl) for acl in _ACLS] if name == "CANNED" else []


def _has_default(command: Any) -> bool:
    """Return whether the first command of a set is the one if none is named."""
    from coskit.cli.arguments.command_set import CommandSet

    return isinstance(command, CommandSet)


def _option_candidates(params: Sequence[Any], used: set[str]) -> list[Candidate]:
    """Return the options that are not used yet, or may be repeated; long names first."""
    found = [Candidate("--help", "Show the options, with examples.")]
    for param in params:
        repeats = param.multiple if hasattr(param, "multiple") else False
        is_known = param.name == "help" or (param.name in used and not repeats)
        if param.param_type_name == "argument" or is_known:
            continue
        text = " ".join(str(getattr(param, "help", "") or "").split())
        found += [Candidate(name, text) for name in (*param.opts, *param.secondary_opts)]
    return sorted(found, key=lambda each: not each.value.startswith("--"))


def _is_flag(param: Any) -> bool:
    return bool(getattr(param, "is_flag", False) or getattr(param, "count", False))


def _first_line(command: Any) -> str:
    return str(command.help or "").strip().partition("\n")[0]


def _kind(command: Any, param: Any) -> tuple[tuple[str, ...], bool]:
    """Return the choices of a parameter and whether it is a local path."""
    hints = getattr(command.callback, "__annotations__", {})
    parts = [hints.get(param.name)]
    choices: list[str] = []
    is_path = False
    while parts:
        part = parts.pop()
        if get_origin(part) is Literal:
            choices += map(str, get_args(part))
        elif part is Path:
            is_path = True
        else:
            parts += [each for each in get_args(part) if each is not type(None)]
    return tuple(choices), is_path


def _local_names(typed: str) -> list[Candidate]:
    """Return the names in the current directory that begin with what is typed."""
    try:
        with os.scandir() as entries:
            return [
                Candidate(f"{entry.name}/" if entry.is_dir() else entry.name, "", entry.is_dir())
                for entry in entries
                if entry.name.startswith(typed)
            ]
    except OSError:
        return []
