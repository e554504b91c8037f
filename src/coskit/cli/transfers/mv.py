"""The command `coskit mv`: files, objects and trees, moved in every direction."""

from coskit.cli.transfers.copying import CopyingOptions, run_copying

EXAMPLES = """
Rename an object:
  coskit mv cos://photos-1250000000/a.txt cos://photos-1250000000/b.txt
Move a directory into a bucket:
  coskit mv -r logs cos://photos-1250000000/logs/
Fetch objects and delete them in the bucket:
  coskit mv 'cos://photos-1250000000/inbox/*.json' inbox
See what would happen:
  coskit mv -r --dry-run logs cos://photos-1250000000/logs/
"""


def mv(options: CopyingOptions) -> int:
    """Move files and objects, from, to and between buckets.

    Names are formed as by coskit cp. Each source is deleted after its copy was verified, and only
    if it has not changed since it was read. Directories stay when their files are moved.
    """
    return run_copying(options, move=True)
