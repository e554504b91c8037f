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
            "cp", "transfers.cp:cp", "Copy files and objects, from, to and between buckets."
        ),
        CommandEntry(
            "mv", "transfers.mv:mv", "Move files and objects, from, to and between buckets."
        ),
        CommandEntry("rm", "transfers.rm:rm", "Delete objects."),
        CommandEntry("sync", "transfers.sync:sync", "Make a tree equal to another one."),
        CommandEntry("diff", "transfers.diff:diff", "Print what differs between two trees."),
        CommandEntry(
            "tree",
            "objects.sums.tree:tree",
            "Show folders as a tree, with their objects and bytes.",
        ),
        CommandEntry(
            "du", "objects.sums.du:du", "Print the bytes and the number of objects by prefix."
        ),
        CommandEntry(
            "find", "objects.find.find:find", "Find objects by name, size, age and storage class."
        ),
        CommandEntry(
            "cat", "objects.content.cat:cat", "Print the bytes of objects to standard output."
        ),
        CommandEntry(
            "head", "objects.content.head:head", "Print the first lines or bytes of objects."
        ),
        CommandEntry(
            "stat", "objects.facts.stat:stat", "Show what is known about objects and buckets."
        ),
    ),
    "Interactive": (
        CommandEntry(
            "browse",
            "browse.command:browse",
            "Browse files and buckets in two panes: copy, view, delete, versions.",
        ),
    ),
    "State of objects": (
        CommandEntry(
            "presign",
            "objects.state.presign:presign",
            "Print a URL that lets any client send one request.",
        ),
        CommandEntry(
            "restore",
            "objects.state.restore:restore",
            "Make archived objects readable for some days.",
        ),
        CommandEntry("acl", "objects.state.acl:app", "Show and set who may do what with objects."),
        CommandEntry("tag", "objects.state.tag:app", "Show, set, add and remove tags of objects."),
        CommandEntry(
            "meta",
            "objects.state.meta:app",
            "Show, set and remove headers and metadata of objects.",
        ),
        CommandEntry(
            "versions",
            "objects.state.versions:app",
            "List versions of objects, make an old one the latest, delete old ones.",
        ),
        CommandEntry(
            "undelete",
            "objects.state.undelete:undelete",
            "Bring back deleted objects of a bucket with versioning.",
        ),
    ),
    "Buckets": (
        CommandEntry("mb", "buckets.mb:mb", "Make buckets."),
        CommandEntry("rb", "buckets.rb:rb", "Remove buckets."),
        CommandEntry("bucket", "buckets.bucket:app", "Show and change the settings of a bucket."),
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
        CommandEntry(
            "completion",
            "setup.completion.command:completion",
            "Print the script that completes commands in a shell.",
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
