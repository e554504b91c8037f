"""The keys of the program, in a line and in a dialog."""

KEYS = " ? help  c copy  v view  d delete  V versions  / filter  r refresh  q quit"
NARROW_KEYS = " ?help c copy v view d delete V versions / filter q quit"
HELP = """\
arrows, PgUp, PgDn  move
Tab, Left, Right    the other pane
Enter               open a folder, view a file
Backspace           the outer folder
Space               select, or take it back
Esc                 drop the selection or filter
/                   names that begin with a text
c, F5               copy to the other pane
v, F3               view the first 1024 bytes
d, Del, F8          delete, after a question
V                   versions of an object
r                   fetch both panes again
q                   quit

End goes to the last line fetched so far. A + behind
the number of entries means that there are more.
"""
