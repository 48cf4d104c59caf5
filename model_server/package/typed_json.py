"""From what `json.loads` gives to frozen dataclasses, and nothing but what their type hints allow."""

import dataclasses
import enum
import types
import typing
from typing import Any, TypeVar

T = TypeVar("T")


def typed(kind: type[T], value: object, where: str) -> T:
    """`value` as `kind`: a dataclass, tuple, dict, optional, enum or plain type, at any depth.

    Keys that a dataclass does not have are ignored; an integer may stand for a float.

    Args:
        where: what `value` is called in messages.

    Raises:
        ValueError: a key is missing or of another type; the message names it.
    """
    return typing.cast(T, _typed(kind, value, where))


def _typed(kind: Any, value: object, where: str) -> object:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        inner = next(argument for argument in arguments if argument is not type(None))
        return None if value is None else _typed(inner, value, where)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where)
    if origin is tuple:
        return _tuple(arguments, value, where)
    if origin is dict and isinstance(value, dict):
        return {key: _typed(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(kind, enum.EnumType):
        return kind(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = origin or kind
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise ValueError(f"{where} is {value!r:.60}, not {plain.__name__}")
    return value


def _tuple(kinds: tuple[Any, ...], value: object, where: str) -> object:
    if not isinstance(value, list | tuple):
        raise ValueError(f"{where} is {value!r:.60}, not a list")
    if kinds[-1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise ValueError(f"{where} has {len(value)} entries, not {len(kinds)}")
    return tuple(_typed(kind, item, f"{where}[{i}]") for i, (kind, item) in enumerate(zip(kinds, value)))


def _dataclass(kind: Any, value: object, where: str) -> object:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r:.60}, not an object")
    hints, known = typing.get_type_hints(kind), {}
    for field in dataclasses.fields(kind):
        if field.name in value:
            known[field.name] = _typed(hints[field.name], value[field.name], f"{where}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{where} has no {field.name!r}")
    return kind(**known)
