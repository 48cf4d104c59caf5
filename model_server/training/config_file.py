"""A run's TOML file to its configuration: every key known, every value of its type."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from model_server.errors import BadInput
from model_server.training.config import DataSettings, TrainingConfig

Settings = TypeVar("Settings")
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text in quotes", Path: "a path"}


def read_config(path: Path) -> TrainingConfig:
    """The configuration in a TOML file. Paths in it are relative to where the command is called.

    Raises:
        BadInput: there is no such file, it is no TOML, or holds an unknown key or a value that can't be.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path} can't be read: {getattr(error, 'strerror', None) or error}", hint="give the path of a TOML file"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is no TOML: {error}", hint="see model_server/training/configs") from error
    sources = values.pop("data", [])
    if not isinstance(sources, list) or not all(isinstance(source, dict) for source in sources):
        raise BadInput("data is no list of tables", hint='begin each source with [[data]] and give its kind = "..."')
    return settings_from(TrainingConfig, {**values, "data": tuple(_source(source) for source in sources)}, "")


def settings_from(kind: type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """A dataclass of settings from a table of TOML.

    Args:
        kind: a dataclass whose fields are plain values, enums of texts, paths or such dataclasses.
        where: what the table is called in messages, such as "train".

    Raises:
        BadInput: for a key that it has not, a value of another type, or one that is missing.
    """
    types = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise BadInput(f"{_dotted(where, name)} is no setting", hint=f"there are: {', '.join(known)}")
    for name, field in known.items():
        if name not in values and field.default is MISSING and field.default_factory is MISSING:
            raise BadInput(f"{_dotted(where, name)} is missing", hint=f"give {_said(types[name])}")
    return kind(**{name: _value(types[name], value, _dotted(where, name)) for name, value in values.items()})


def _source(table: dict[str, Any]) -> DataSettings:
    own = {"kind", "weight"}
    common = settings_from(DataSettings, {name: value for name, value in table.items() if name in own}, "data")
    return DataSettings(common.kind, common.weight, {name: table[name] for name in table if name not in own})


def _value(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, Mapping):
            raise BadInput(f"{where} is {value!r}", hint=f"make it a table: [{where}]")
        return settings_from(kind, value, where)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        if value not in list(kind):
            raise BadInput(f"{where} is {value!r}", hint=f"give {_said(kind)}")
        return kind(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in _WORDS and type(value) is not kind:
        raise BadInput(f"{where} is {value!r}", hint=f"give {_said(kind)}")
    return value


def _said(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return f"one of {', '.join(kind)}"
    return _WORDS.get(kind, "it")


def _dotted(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
