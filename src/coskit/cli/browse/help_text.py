"""The keys of the program, in a line and in a dialog."""

KEYS = " ? help  c copy  v view  d delete  V versions  / filter  r refresh  q quit"
NARROW_KEYS = " ?help c copy v view d delete V versions / filter q quit"
HELP = """\
arrows, PgUp, PgDn   move
Tab, Left, Right     go to the other pane
Enter                open a folder, view a file
Backspace            go to the outer folder
Space                select, or take it back
Esc                  take back the selection or the filter
/                    show names that begin with a text
c, F5                copy to the other pane
v, F3                view the first 1024 bytes
d, Del, F8           delete, after a question
V                    versions of an object
r                    fetch both panes again
q                    quit

End goes to the last line fetched so far; more lines are
fetched as you go on. A + behind the number of entries
says that there are more.
"""
