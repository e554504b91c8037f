"""The command `coskit cp`: files, objects and trees, copied in every direction."""

from coskit.cli.transfers.copying import CopyingOptions, run_copying

EXAMPLES = """
Upload a file under its own name:
  coskit cp report.pdf cos://photos-1250000000/2026/
Download a folder with everything below it:
  coskit cp -r cos://photos-1250000000/2026/ backup
Upload all CSV files of a directory, the temporary ones excepted:
  coskit cp -r --exclude '*' --include '*.csv' --exclude 'tmp*' data cos://photos-1250000000/csv/
Download the objects that match a pattern; quote it for the shell:
  coskit cp 'cos://photos-1250000000/2026-*/x?.csv' .
Copy between buckets, to another storage class:
  coskit cp -r --storage-class ARCHIVE cos://photos-1250000000/2020/ cos://old-1250000000/2020/
Upload what another program writes:
  pg_dump shop | gzip | coskit cp - cos://photos-1250000000/shop.sql.gz
Upload the files that another program names:
  find . -newer mark -type f -print0 | coskit cp --files-from - --null . cos://photos-1250000000/
"""


def cp(options: CopyingOptions) -> int:
    """Copy files and objects, from, to and between buckets.

    A destination that ends with a slash, a whole bucket and an existing directory are folders: a
    file keeps its name in them. Any other destination is the new name of a single file. With
    several sources the destination is a folder.

    With -r, what is below SOURCE appears below DESTINATION, with or without slashes at their ends;
    with several sources, each in a folder of its name. A pattern in a key selects objects, each
    with its name below the folder before the first of * ? [.

    A hyphen stands for standard input or standard output. Each file is verified by its checksum,
    and a command that was interrupted goes on where it ended when it runs again. If a file fails,
    the others are still copied; the failures are listed at the end, with exit status 1.
    """
    return run_copying(options, move=False)
