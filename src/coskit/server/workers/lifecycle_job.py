"""The lifecycle job: apply the lifecycle rules of all buckets, one page of a bucket at a time."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from os.path import commonprefix

from coskit.protocol.bucket.lifecycle import (
    DAY,
    Action,
    LifecycleCandidate,
    LifecycleRule,
    decide,
    is_stale,
)
from coskit.protocol.bucket.lifecycle_document import load_rules
from coskit.protocol.errors import (
    CosServiceError,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    NoSuchVersion,
    PreconditionFailed,
)
from coskit.server.handlers.object_state.expiration import CONFIG
from coskit.server.handlers.object_state.tagging import Tags, load_tags
from coskit.server.store.interfaces.conditions import WriteCondition
from coskit.server.store.model import Bucket, ListingEntry, Version
from coskit.server.store.store import Store

_log = logging.getLogger("coskit.server.lifecycle")
_PAGE = 500
_BATCH = 100  # changes in one commit, for which a request may have to wait
_STEP = 50  # versions checked before requests get their turn

Seen = Mapping[tuple[str, str], Version]


class LifecycleJob:
    """Apply the lifecycle rules of all buckets.

    The job has no state of its own: due actions follow from the stored objects, so the next pass
    completes an interrupted one. After each page it pauses for as long as the page took. A version
    that was overwritten, tagged or made current since it was checked is kept; the commit decides
    that.

    Args:
        store: the server's store.
        interval: the seconds from the end of one pass to the next pass.
        day: the length of a day in milliseconds.
        clock: returns seconds since 1970.
        may_delete: called in the commit, in another thread, with each version to delete for good;
            raises to keep it.
    """

    def __init__(
        self,
        store: Store,
        interval: float = 3600,
        day: int = DAY,
        clock: Callable[[], float] = time.time,
        may_delete: WriteCondition | None = None,
    ) -> None:
        self._store = store
        self._interval = interval
        self._day = day
        self._clock = clock
        self._may_delete = may_delete

    async def run(self) -> None:
        """Make passes until cancelled, the first one at once; log a failed pass."""
        while True:
            try:
                await self.sweep()
            except Exception:
                _log.exception("a lifecycle pass failed; the next one starts again")
            await asyncio.sleep(self._interval)

    async def sweep(self) -> Counter[str]:
        """Make one pass over all buckets, and return the number of changes of each kind."""
        total: Counter[str] = Counter()
        for bucket in self._store.index.buckets():
            if CONFIG not in bucket.config:
                continue
            done: Counter[str] = Counter()
            try:
                await self._sweep_versions(bucket.name, done)
                await self._sweep_uploads(bucket.name, done)
            except NoSuchBucket:
                _log.info("bucket %s was deleted during the pass", bucket.name)
            if done:
                changes = ", ".join(f"{name} {count}" for name, count in sorted(done.items()))
                _log.info("lifecycle of bucket %s: %s", bucket.name, changes)
            total += done
        return total

    async def _sweep_versions(self, name: str, done: Counter[str]) -> None:
        async for bucket, rules, page in self._version_pages(name):
            due: list[tuple[Version, Action]] = []
            for number, (entry, found) in enumerate(page, 1):
                if number % _STEP == 0:
                    await asyncio.sleep(0)
                due += self._due(bucket, rules, entry, found)
            for start in range(0, len(due), _BATCH):
                done += await self._change(bucket, due[start : start + _BATCH])

    async def _version_pages(
        self, name: str
    ) -> AsyncIterator[
        tuple[Bucket, Sequence[LifecycleRule], list[tuple[ListingEntry, LifecycleCandidate]]]
    ]:
        """Yield a bucket, its rules and a page of its versions, each as of that moment."""
        key_marker = version_marker = ""
        newer: ListingEntry | None = None
        behind = 0  # the number of newer versions of its key so far
        waiting: list[ListingEntry] = []
        while rules := self._rules(bucket := self._store.index.bucket(name)):
            started = time.monotonic()
            prefix = commonprefix([rule.prefix for rule in rules])  # noqa: RUF071 - no paths
            page = await self._store.index.list_versions(
                bucket.id, prefix, "", key_marker, version_marker, _PAGE
            )
            entries = [*waiting, *page.entries]
            # The last one waits until it is known whether an older version follows.
            waiting = entries[-1:] if page.truncated else []
            shown = entries[: len(entries) - len(waiting)]
            followers: list[ListingEntry | None] = [*entries[1:], None]
            found = []
            for entry, older in zip(shown, followers, strict=False):
                behind = behind + 1 if newer is not None and newer.key == entry.key else 0
                found.append((entry, _found(entry, newer, older, behind)))
                newer = entry
            yield bucket, rules, found
            if not page.truncated:
                return
            key_marker, version_marker = page.next_key_marker, page.next_version_id_marker
            await asyncio.sleep(time.monotonic() - started)

    def _due(
        self,
        bucket: Bucket,
        rules: Sequence[LifecycleRule],
        entry: ListingEntry,
        found: LifecycleCandidate,
    ) -> Iterator[tuple[Version, Action]]:
        """Yield the due action for a listed version, which is looked up only if that matters."""
        look_up = cache(partial(self._as_found, bucket, entry))

        def tags() -> Tags:
            version = look_up()
            return load_tags(version.tags) if version else ()

        action = decide(rules, found, tags, int(self._clock() * 1000), self._day)
        if action and (version := look_up()):
            yield version, action

    def _as_found(self, bucket: Bucket, entry: ListingEntry) -> Version | None:
        """Return a listed version with all its attributes, or None if it has changed since."""
        try:
            version = self._store.index.version(bucket.id, entry.key, entry.version_id)
        except NoSuchVersion:
            return None
        same = version.is_latest == entry.is_latest and version.modified == entry.modified
        return version if same and version.is_marker == entry.is_marker else None

    async def _change(self, bucket: Bucket, due: Sequence[tuple[Version, Action]]) -> Counter[str]:
        done: Counter[str] = Counter()
        moves = [(version, action) for version, action in due if action.kind == "move"]
        for moved in await asyncio.gather(*(self._move(bucket, *pair) for pair in moves)):
            done["moved"] += moved
        drops = [(version, action) for version, action in due if action.kind != "move"]
        if drops:
            seen = {(version.key, version.version_id): version for version, _ in drops}
            targets = [(v.key, None if a.kind == "expire" else v.version_id) for v, a in drops]
            outcomes = await self._store.index.delete_versions(
                bucket.id, targets, partial(_refuse_another, seen=seen), self._may_delete
            )
            for (_, action), outcome in zip(drops, outcomes, strict=True):
                word = "expired" if action.kind == "expire" else "removed"
                done[word] += not isinstance(outcome, CosServiceError)
        return +done

    async def _move(self, bucket: Bucket, version: Version, action: Action) -> bool:
        def revise(current: Version) -> Mapping[str, str | None]:
            _refuse_another(current, {(version.key, version.version_id): version})
            return {"storage_class": action.storage_class}

        try:
            await self._store.index.update_version(
                bucket.id, version.key, version.version_id, revise
            )
        except (PreconditionFailed, NoSuchKey, NoSuchVersion):
            return False
        return True

    async def _sweep_uploads(self, name: str, done: Counter[str]) -> None:
        key_marker = upload_marker = ""
        while rules := self._rules(bucket := self._store.index.bucket(name)):
            if not any(rule.abort for rule in rules):
                return
            started = time.monotonic()
            page = await self._store.index.list_uploads(
                bucket.id, "", "", key_marker, upload_marker, _PAGE
            )
            now = int(self._clock() * 1000)
            for upload in page.entries:
                if is_stale(rules, upload.key, upload.initiated, now, self._day):
                    try:
                        await self._store.index.abort_upload(
                            bucket.id, upload.key, upload.upload_id
                        )
                    except NoSuchUpload:
                        continue  # completed or aborted since it was listed
                    done["aborted"] += 1
            if not page.truncated:
                return
            key_marker, upload_marker = page.next_key_marker, page.next_upload_id_marker
            await asyncio.sleep(time.monotonic() - started)

    def _rules(self, bucket: Bucket) -> Sequence[LifecycleRule]:
        return load_rules(bucket.config[CONFIG]) if CONFIG in bucket.config else ()


def _found(
    entry: ListingEntry, newer: ListingEntry | None, older: ListingEntry | None, behind: int
) -> LifecycleCandidate:
    """Return the facts that rules read of a listed version and its neighbours of any key.

    Args:
        entry: the version.
        newer: the version before it in the listing.
        older: the version after it.
        behind: the number of newer versions of its key, the latest among them.
    """
    # A page may start again with a key's versions, if the marked one was deleted since.
    replaced = newer is not None and newer.key == entry.key and not entry.is_latest
    return LifecycleCandidate(
        key=entry.key,
        size=entry.size,
        since=newer.modified if newer is not None and replaced else entry.modified,
        storage_class=entry.storage_class,
        is_latest=entry.is_latest,
        is_marker=entry.is_marker,
        is_alone=older is None or older.key != entry.key,
        newer=max(behind - 1, 0),
    )


def _refuse_another(current: Version | None, seen: Seen) -> None:
    """Raise PreconditionFailed unless a version is the one that was checked."""
    known = seen.get((current.key, current.version_id)) if current else None
    if current is None or known is None:
        raise PreconditionFailed
    if (current.order, current.tags) != (known.order, known.tags):
        raise PreconditionFailed
    # The commit sees no marker as the latest, since a marker is not a live object.
    if not current.is_marker and current.is_latest != known.is_latest:
        raise PreconditionFailed
