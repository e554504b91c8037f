"""TransferSettings.rate: a client's content keeps to its rate, in both directions."""

import time
from pathlib import Path
from typing import Any

import pytest

from coskit import Client, ParameterError, TransferSettings
from coskit.testing import LocalServer
from tests.support.trees import read_tree, write_tree
from tests.support.worlds import World

MIB = 1 << 20


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_client_keeps_to_its_rate_both_ways(
    kind: str, server: LocalServer, owner: Client, bucket: str, tmp_path: Path
) -> None:
    files = {f"{n}": bytes([n]) * (MIB // 4) for n in range(8)} | {"large": bytes(2 * MIB)}
    source = write_tree(tmp_path / "source", files)
    keys: dict[str, Any] = {"secret_id": server.secret_id, "secret_key": server.secret_key}
    rate = TransferSettings(rate=4 * MIB)
    with World(kind, endpoint=server.endpoint, transfers=rate, **keys) as world:
        for transfer in (
            lambda: world.upload_dir(bucket, source),
            lambda: world.download_dir(bucket, tmp_path / "target"),
            lambda: world.upload_stream(bucket, "stream", world.source([bytes(MIB)] * 4)),
            lambda: world.fetch(bucket, "stream"),
        ):
            begun = time.monotonic()
            transfer()
            assert time.monotonic() - begun > 0.9
    assert read_tree(tmp_path / "target") == files


@pytest.mark.parametrize("rate", [0, -1, "1M", True])
def test_a_rate_is_a_number_above_zero(rate: Any) -> None:
    with pytest.raises(ParameterError, match="rate"):
        TransferSettings(rate=rate)
