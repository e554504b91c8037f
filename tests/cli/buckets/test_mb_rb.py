"""`coskit mb` and `coskit rb`: buckets made and removed, empty or not."""

import pytest

from coskit import Client
from coskit.errors import NoSuchBucket
from tests.cli.conftest import Coskit

ODD_KEYS = ("a b", "a/../c", "..", "a//b", "-dash", "*?[x]", "中文", "z\nz", "\x01")


def exists(client: Client, bucket: str) -> bool:
    """Return whether a bucket exists."""
    try:
        client.get_bucket_versioning(bucket)
    except NoSuchBucket:
        return False
    return True


@pytest.fixture
def crowded(client: Client, bucket: str) -> str:
    """A bucket with 9 versions, 9 delete markers and an unfinished upload."""
    client.put_bucket_versioning(bucket, "Enabled")
    for key in ODD_KEYS:
        client.put_object(bucket, b"x", key)
        client.delete_object(bucket, key)
    client.create_multipart_upload(bucket, "big")
    return bucket


def test_made_with_acl_and_versioning(coskit: Coskit, client: Client) -> None:
    names = ["made1-1250000000", "made2-1250000000"]
    done = coskit("mb", "--acl=public-read", "--versioning", *(f"cos://{name}" for name in names))
    assert (done.status, done.error) == (0, "")
    assert done.lines == [f"made cos://{name}" for name in names]
    for name in names:
        assert client.get_bucket_versioning(name)["Status"] == "Enabled"
        assert len(client.get_bucket_acl(name)["AccessControlList"]["Grant"]) == 2
        assert coskit("rb", "-q", name).output == ""
        assert not exists(client, name)


def test_a_bucket_that_fails_does_not_stop_the_others(coskit: Coskit, client: Client) -> None:
    done = coskit("mb", "cos://Wrong_Name", "cos://fine-1250000000")
    assert done.status == 1
    assert done.lines == ["made cos://fine-1250000000"]
    assert done.error.startswith("coskit: cos://Wrong_Name: ")
    done = coskit("rb", "cos://none-1250000000", "cos://fine-1250000000")
    assert done.status == 1
    assert done.lines == ["removed cos://fine-1250000000"]
    assert done.error.startswith("coskit: cos://none-1250000000: NoSuchBucket: ")


def test_a_full_bucket_stays_without_force(coskit: Coskit, client: Client, crowded: str) -> None:
    done = coskit("rb", f"cos://{crowded}")
    assert done.status == 1
    assert "BucketNotEmpty" in done.error
    assert exists(client, crowded)


def test_force_asks_on_a_terminal(coskit: Coskit, client: Client, crowded: str) -> None:
    done = coskit("rb", "--force", f"cos://{crowded}", stdin=b"n\n", columns=80)
    assert done.status == 1
    assert exists(client, crowded)
    question = "Delete 18 objects and versions and 1 unfinished upload in"
    assert done.error.startswith(f"{question} cos://{crowded} for good? [y/N] ")
    done = coskit("rb", "--force", f"cos://{crowded}", stdin=b"y\n", columns=80)
    assert done.status == 0
    assert done.lines == [
        f"deleted 18 objects and versions and 1 unfinished upload in cos://{crowded}",
        f"removed cos://{crowded}",
    ]
    assert not exists(client, crowded)


def test_force_in_a_pipe_needs_yes(coskit: Coskit, client: Client, crowded: str) -> None:
    done = coskit("rb", "--force", f"cos://{crowded}")
    assert done.status == 2
    assert "add --yes" in done.error
    assert exists(client, crowded)
    assert coskit("rb", "--force", "--yes", f"cos://{crowded}").status == 0
    assert not exists(client, crowded)


def test_s3_has_its_own_scheme(coskit: Coskit) -> None:
    place = "s3://made3-1250000000"
    assert coskit("mb", "--dialect", "s3", place).lines == [f"made {place}"]
    assert coskit("rb", "--dialect", "s3", place).lines == [f"removed {place}"]


def test_force_does_not_ask_about_an_empty_bucket(coskit: Coskit, bucket: str) -> None:
    assert coskit("rb", "--force", f"cos://{bucket}").status == 0


@pytest.mark.parametrize("words", ["mb", "rb", "mb cos://", "rb cos://a/b"])
def test_what_is_no_bucket_is_a_usage_error(coskit: Coskit, words: str) -> None:
    done = coskit(*words.split())
    assert done.status == 2
    assert done.error.count("\n") == 1
