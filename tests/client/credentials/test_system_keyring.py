"""Secrets in the system's keyring: read when they are needed, in both worlds, and clear errors."""

import asyncio
import pickle
import sys
from pathlib import Path

import keyring
import keyring.backend
import pytest
from keyring.errors import NoKeyringError, PasswordDeleteError

from coskit import AsyncClient, Client, Credentials, CredentialsError, ParameterError
from coskit.client.credentials.resolver import find
from coskit.client.credentials.system_keyring import (
    KeyringKeys,
    remove_from_keyring,
    store_in_keyring,
)

KEYS = Credentials("AKID1", "secret1")
TEMPORARY = Credentials("AKID2", "secret2", "token2")


class KeyringInMemory(keyring.backend.KeyringBackend):
    """A keyring that a test fills and reads."""

    priority = 1

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.reads = 0
        super().__init__()  # type: ignore[no-untyped-call]

    def get_password(self, service: str, username: str) -> str | None:
        self.reads += 1
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> KeyringInMemory:
    """The keyring of this test."""
    backend = KeyringInMemory()
    monkeypatch.setattr(keyring, "get_keyring", lambda: backend)
    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(keyring, name, getattr(backend, name))
    return backend


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment without keys, whose profile names the keyring."""
    for name in ("COSKIT_SECRET_ID", "COSKIT_SECRET_KEY", "TENCENTCLOUD_SECRET_ID"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "config.toml"
    file.write_text('[default]\nregion = "r"\nsource = "keyring"\nsecret_id = "AKID1"\n')
    monkeypatch.setenv("COSKIT_CONFIG", str(file))
    return file


@pytest.mark.parametrize("keys", [KEYS, TEMPORARY])
def test_what_was_stored_is_read_and_removed(memory: KeyringInMemory, keys: Credentials) -> None:
    store_in_keyring(keys)
    assert KeyringKeys(keys.secret_id)() == keys
    remove_from_keyring(keys.secret_id)
    remove_from_keyring(keys.secret_id)
    assert memory.entries == {}


def test_a_client_reads_the_keyring_when_it_first_signs_and_only_then(
    memory: KeyringInMemory, environ: Path
) -> None:
    with Client() as client:
        assert memory.reads == 0
        store_in_keyring(KEYS)
        for _ in range(2):
            assert "AKID1" in client.get_presigned_url("b-1250000000", "k", "GET")
        assert memory.reads == 1
        assert b"secret1" not in pickle.dumps(client)


def test_an_async_client_reads_it_in_a_thread(memory: KeyringInMemory, environ: Path) -> None:
    async def signed() -> str:
        async with AsyncClient() as client:
            await client.refresh_credentials()
            return client.get_presigned_url("b-1250000000", "k", "GET")

    store_in_keyring(KEYS)
    assert "AKID1" in asyncio.run(signed())
    assert memory.reads == 1


def test_a_missing_secret_names_its_key(memory: KeyringInMemory) -> None:
    with pytest.raises(CredentialsError, match="no secret for AKID9: run coskit config"):
        KeyringKeys("AKID9")()


def test_a_damaged_entry_is_named(memory: KeyringInMemory) -> None:
    memory.entries["coskit", "AKID1"] = "{"
    with pytest.raises(CredentialsError, match="the entry in the system's keyring is malformed"):
        KeyringKeys("AKID1")()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(CredentialsError, match=r"pip install 'coskit\[keyring\]'"):
        KeyringKeys("AKID1")()


def test_a_machine_without_a_keyring_gives_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*words: str) -> None:
        raise NoKeyringError("No recommended backend was available.")

    monkeypatch.setattr(keyring, "get_password", fail)
    with pytest.raises(CredentialsError, match=r"cannot be used: No recommended backend"):
        KeyringKeys("AKID1")()


BAD_PROFILES = {
    'source = "vault"\nsecret_id = "a"\nsecret_key = ""': "only one of secret_id and secret_key",
    'source = "vault"': "source is 'metadata', or 'keyring' with a secret_id",
    'source = "keyring"': "source is 'metadata', or 'keyring' with a secret_id",
}


@pytest.mark.parametrize("text", BAD_PROFILES)
def test_a_profile_that_names_no_source_is_refused(environ: Path, text: str) -> None:
    environ.write_text(f"[default]\n{text}\n")
    with pytest.raises((CredentialsError, ParameterError), match=BAD_PROFILES[text]):
        find({}, {}, environ, "")
