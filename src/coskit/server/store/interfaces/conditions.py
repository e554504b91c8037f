"""Functions that the index calls inside a commit or after it."""

from collections.abc import Callable, Mapping, Sequence

from coskit.server.store.model import Bucket, Part, Upload, Version

# Receives the live object that a write would replace, or None; raises to refuse the write.
WriteCondition = Callable[[Version | None], None]

# Receives a bucket as it is in the commit; raises to refuse a change of it.
BucketCondition = Callable[[Bucket], None]

# Values of a version's `acl`, `tags`, `restore`, `lock` and `storage_class` to set.
State = Mapping[str, str | None]

# Receives a version as it is in the commit and returns the values to set; raises to refuse.
Revision = Callable[[Version], State]

# Receives an upload and its listed parts in the commit, and returns the object's `checksums`;
# raises to refuse.
Finish = Callable[[Upload, Sequence[Part]], str | None]

# Receives the ids of the files that have lost their last reference, on the event loop after the
# commit.
Released = Callable[[Sequence[str]], None]
