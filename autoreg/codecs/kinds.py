"""Values rebuilt from the plain data that describes them."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")


def rebuild(noun: str, kinds: Mapping[str, type[T]], config: object) -> T:
    """Return the dataclass that a config() described, checking every name and type.

    Args:
        noun: What is rebuilt, for messages.
        kinds: The dataclass of each kind.
        config: Its "kind" and all its fields; not trusted to be even a mapping.

    Raises:
        ValueError: The kind or a key is unknown, a key is missing, a value is of another type.
    """
    kind, described = find_kind(noun, kinds, config)
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    check_keys(noun, {"kind", *names}, described)
    for name, needed in get_type_hints(kind).items():
        # JSON writes 1.0 as it likes; a bool is an int to Python, but not to a reader.
        allowed = (float, int) if needed is float else needed
        if not isinstance(described[name], allowed) or isinstance(described[name], bool):
            raise ValueError(
                f"{noun} {described['kind']!r} needs {name} of type {needed.__name__}; "
                f"got {described[name]!r}"
            )
    return kind(**{name: described[name] for name in names})


def find_kind(
    noun: str, kinds: Mapping[str, type[T]], config: object
) -> tuple[type[T], Mapping[str, Any]]:
    """Return the class that a description names, and the description as the mapping it is."""
    kind = config.get("kind") if isinstance(config, Mapping) else None
    if not isinstance(config, Mapping) or not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"{noun} needs a kind among {', '.join(kinds)}; got {kind!r}")
    return kinds[kind], config


def check_keys(noun: str, needed: set[str], config: Mapping[str, Any]) -> None:
    """Raise ValueError unless a description has exactly the needed keys."""
    if set(config) != needed:
        raise ValueError(
            f"{noun} {config['kind']!r} needs the keys {', '.join(sorted(needed))}; "
            f"got {', '.join(sorted(config))}"
        )
