"""Commands that copy, move, compare and delete: cp, mv, sync, diff, rm."""
