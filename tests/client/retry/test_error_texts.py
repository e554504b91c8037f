"""The text of errors in tracebacks and as `repr`, and the modules of their classes."""

import pickle
import subprocess
import sys
import traceback

import pytest

import coskit
from coskit import errors
from coskit.protocol.errors import BY_CODE, CosServiceError


def last_line(error: Exception) -> str:
    return traceback.format_exception_only(error)[-1].strip()


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_a_traceback_names_the_code_once(code: str) -> None:
    error = BY_CODE[code]("why", code=code, request_id="id-1")
    name = type(error).__name__
    line = last_line(error)
    assert line.startswith(f"coskit.protocol.errors.{name}: ")
    assert "why (HTTP" in line
    assert line.count(f"{code}:") == 1
    assert "id-1" in line


def test_a_code_without_a_class_is_shown() -> None:
    error = CosServiceError("why", code="SomethingNew", status=418)
    assert last_line(error).endswith("CosServiceError: SomethingNew: why (HTTP 418)")
    assert str(errors.SlowDown("why", code="SlowDownRead")).startswith("SlowDownRead: why")


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_a_repr_has_code_status_and_request_id(code: str) -> None:
    error = BY_CODE[code](code=code, request_id="id-1")
    for shown in (repr(error), repr(pickle.loads(pickle.dumps(error)))):
        assert shown.startswith(f"{type(error).__name__}(")
        assert f"code={code!r}" in shown
        assert f"status={error.status}" in shown
        assert "request_id='id-1'" in shown


@pytest.mark.parametrize("name", errors.__all__)
def test_each_class_is_where_people_look(name: str) -> None:
    assert getattr(coskit, name) is getattr(errors, name)
    assert issubclass(getattr(errors, name), errors.CosException)
    assert name in dir(coskit)
    assert name in dir(errors)


def test_every_class_of_the_tree_is_there() -> None:
    def below(cls: type[Exception]) -> set[str]:
        return {cls.__name__, *(name for sub in cls.__subclasses__() for name in below(sub))}

    ours = {name for name in below(errors.CosException) if not name.startswith("_")}
    from_coskit = {name for name in ours if hasattr(errors, name)}
    assert set(BY_CODE) - {"NotImplemented"} <= from_coskit
    assert set(errors.__all__) == from_coskit


@pytest.mark.parametrize("name", ["Mapping", "escape", "NoSuchThing", "__path__x", "BY_CODE"])
def test_other_names_are_not_there(name: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(coskit, name)


def test_a_plain_import_loads_nothing() -> None:
    code = "import sys, coskit; print([m for m in sys.modules if m.startswith('coskit.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['coskit._version']"
