"""What the server does by itself: carry out the lifecycle rules, a page of a bucket at a time."""

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
_BATCH = 100  # changes in one commit: what a request waits for at most
_STEP = 50  # versions looked at before requests get their turn

Seen = Mapping[tuple[str, str], Version]


class Lifecycle:
    """Carries out the lifecycle rules of all buckets.

    It keeps nothing: what is due follows from what is stored, so a pass that was cut short is made
    good by the next. Between pages it rests for as long as the page took. What was overwritten,
    tagged anew or made current again since it was looked at is left alone: that is decided in the
    commit.

    Args:
        store: where everything lives.
        interval: seconds between the end of a pass and the next.
        day: how long a day is, in milliseconds.
        clock: seconds since 1970.
        may_delete: sees each version that would be gone for good, in the commit, and raises to keep
            it; runs in another thread.
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
        """Make passes until cancelled, the first one now; a failed one is logged."""
        while True:
            try:
                await self.sweep()
            except Exception:
                _log.exception("a lifecycle pass failed; the next one begins anew")
            await asyncio.sleep(self._interval)

    async def sweep(self) -> Counter[str]:
        """Make one pass over all buckets and return how many of which changes it made."""
        total: Counter[str] = Counter()
        for bucket in self._store.index.buckets():
            if CONFIG not in bucket.config:
                continue
            done: Counter[str] = Counter()
            try:
                await self._sweep_versions(bucket.name, done)
                await self._sweep_uploads(bucket.name, done)
            except NoSuchBucket:
                _log.info("bucket %s was deleted meanwhile", bucket.name)
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
        """Yield a bucket, its rules and its versions in pages, each as it is by then."""
        key_marker = version_marker = ""
        newer: ListingEntry | None = None
        behind = 0  # how many newer ones of its key have been seen
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
        """Yield what is due for a listed version, which is looked up only if that matters."""
        look_up = cache(partial(self._as_found, bucket, entry))

        def tags() -> Tags:
            version = look_up()
            return load_tags(version.tags) if version else ()

        action = decide(rules, found, tags, int(self._clock() * 1000), self._day)
        if action and (version := look_up()):
            yield version, action

    def _as_found(self, bucket: Bucket, entry: ListingEntry) -> Version | None:
        """Return a listed version with all that is known of it, unless it has changed since."""
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
                        continue  # completed or aborted meanwhile
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
    """Return a listed version between its neighbours, which may belong to other keys.

    Args:
        entry: the version.
        newer: the one before it in the listing.
        older: the one after it.
        behind: how many newer ones of its key are known, the latest among them.
    """
    # A page may begin with a key's versions anew, if the marked one has been deleted meanwhile.
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
    """Raise PreconditionFailed unless a version is the one that was looked at."""
    known = seen.get((current.key, current.version_id)) if current else None
    if current is None or known is None:
        raise PreconditionFailed
    if (current.order, current.tags) != (known.order, known.tags):
        raise PreconditionFailed
    # The commit sees no marker as the latest, since it is nobody's live object.
    if not current.is_marker and current.is_latest != known.is_latest:
        raise PreconditionFailed
