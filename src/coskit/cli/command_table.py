"""The commands of `coskit`: their names, their modules and one line of help each."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One command.

    Attributes:
        name: the word after `coskit`.
        target: the module and the function or typer app in it, such as `objects.ls:ls`.
        help: the first line of its help.
    """

    name: str
    target: str
    help: str


SECTIONS: dict[str, tuple[CommandEntry, ...]] = {
    "Objects": (
        CommandEntry("ls", "objects.ls:ls", "List buckets, folders, objects and versions."),
        CommandEntry(
            "tree", "objects.tree:tree", "Show folders as a tree, with their objects and bytes."
        ),
        CommandEntry("du", "objects.du:du", "Print the bytes and the number of objects by prefix."),
    ),
    "Buckets": (
        CommandEntry("mb", "buckets.mb:mb", "Make buckets."),
        CommandEntry("rb", "buckets.rb:rb", "Remove buckets."),
        CommandEntry(
            "uploads", "buckets.uploads:app", "List and abort unfinished multipart uploads."
        ),
    ),
    "Setup": (
        CommandEntry(
            "config",
            "setup.config.command:app",
            "Set up profiles: the service, the keys, their test.",
        ),
        CommandEntry(
            "doctor",
            "setup.doctor.command:doctor",
            "Check settings, network, clock, keys and permissions, and say what is wrong.",
        ),
    ),
    "Server": (
        CommandEntry(
            "serve", "server.serve_command:serve", "Serve the COS dialect over a directory."
        ),
        CommandEntry(
            "demo",
            "server.demo_command:demo",
            "Put real files into a server, get them back and compare every byte.",
        ),
        CommandEntry(
            "admin", "server.admin:app", "Accounts and keys of a server, and care for its data."
        ),
    ),
}
ENTRIES = {entry.name: entry for section in SECTIONS.values() for entry in section}
