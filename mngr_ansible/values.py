"""``frozen``: a frozen dataclass with slots whose ``__init__`` is compiled when the first object is made.

``dataclasses.dataclass(frozen=True, slots=True)`` compiles every method of every class while modules are imported: half
a millisecond a class, of ninety, and ``inspect`` besides. A command uses a third of them. Objects are the same:
``dataclasses.fields``, ``replace`` and ``asdict``, ``match``, ``copy`` and ``pickle`` work with them.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, dataclass_transform

__all__ = ["field", "fields_of", "frozen", "replace"]

if TYPE_CHECKING:
    from dataclasses import field, replace
else:

    def field(**options: Any) -> Any:
        """A field that needs more than a default: ``default``, ``default_factory``, ``repr``, ``compare``."""
        return _Field(**options)

    def replace(value: Any, /, **changes: Any) -> Any:
        """The same value with other fields, made (and so checked) anew."""
        return type(value)(**{**fields_of(value), **changes})


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of a frozen value by name, in order. Values inside stay as they are."""
    return {name: getattr(value, name) for name in value.__match_args__}


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen[T](cls: type[T]) -> type[T]:
    """Make a class of annotated fields frozen, with slots. Methods that it has itself are kept."""
    namespace = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    fields = {name: _Field.of(namespace.pop(name, _MISSING)) for name in cls.__annotations__}
    own: dict[str, Any] = {
        "__init__": _Later(lambda: _init(cls, fields)),
        "__dataclass_fields__": _Later(lambda: _dataclass(cls, fields).__dataclass_fields__),
        "__dataclass_params__": _Later(lambda: _dataclass(cls, fields).__dataclass_params__),
        **namespace,
        "__qualname__": cls.__qualname__,
        "__slots__": tuple(fields),
        "__match_args__": tuple(fields),
        "_shown": [name for name, each in fields.items() if each.is_shown],
        "_compared": attrgetter(*(name for name, each in fields.items() if each.is_compared), "__class__"),
    }
    bases = (*(base for base in cls.__bases__ if base is not object), _Frozen)
    metaclass: Any = type(cls)
    made: Any = metaclass(cls.__name__, bases, own)
    made._owner = made  # noqa: SLF001 - of the class below
    return made  # type: ignore[no-any-return]  # a class of the same name with the same fields


class _Frozen:
    """What frozen values have in common."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]]
    _owner: ClassVar[type]
    _shown: ClassVar[list[str]]
    _compared: ClassVar[Any]

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(self._compared(self) == self._compared(other))

    def __hash__(self) -> int:
        return hash(self._compared(self))

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._shown)})"

    def __replace__(self, /, **changes: Any) -> Any:
        return replace(self, **changes)  # type: ignore[type-var]

    def __setattr__(self, name: str, value: object) -> None:
        self._refuse("assign to", name)
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self._refuse("delete", name)
        super().__delattr__(name)

    def _refuse(self, what: str, name: str) -> None:
        """Refuse a change. A subclass may have attributes of its own, as with a dataclass."""
        if type(self) is self._owner or name in self.__match_args__:
            from dataclasses import FrozenInstanceError

            raise FrozenInstanceError(f"cannot {what} field {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        return fields_of(self)

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            object.__setattr__(self, name, value)


class _Word:
    """A word that stands where there is no value."""

    def __init__(self, word: str) -> None:
        self.word = word

    def __repr__(self) -> str:
        return self.word


_MISSING = _Word("<missing>")
_FACTORY = _Word("<factory>")


class _Field:
    def __init__(
        self,
        *,
        default: Any = _MISSING,
        default_factory: Any = _MISSING,
        repr: bool = True,  # noqa: A002 - as in dataclasses.field
        compare: bool = True,
    ) -> None:
        self.default = default
        self.factory = default_factory
        self.is_shown = repr
        self.is_compared = compare

    @classmethod
    def of(cls, given: Any) -> "_Field":
        return given if isinstance(given, cls) else cls(default=given)


class _Later:
    """An attribute of a class that is made when it is first looked up, and then stands in its own place."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        made = self.make()
        setattr(self.owner, self.name, made)
        return made.__get__(instance, owner) if hasattr(made, "__get__") else made


def _init(cls: type, fields: Mapping[str, _Field]) -> Any:
    """``__init__`` as ``dataclasses`` writes it, from the names and defaults of a class of ours."""
    known: dict[str, Any] = {"__name__": cls.__module__, "_set": object.__setattr__, "_FACTORY": _FACTORY}
    parameters, body = ["self"], []
    for name, each in fields.items():
        value = name
        if each.factory is not _MISSING:
            known[f"_make_{name}"] = each.factory
            parameters.append(f"{name}=_FACTORY")
            value = f"_make_{name}() if {name} is _FACTORY else {name}"
        elif each.default is not _MISSING:
            known[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        body.append(f" _set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        body.append(" self.__post_init__()")
    exec(f"def __init__({', '.join(parameters)}):\n" + "\n".join(body or [" pass"]), known)  # noqa: S102 - our own words
    made = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    made.__annotations__ = {**{name: cls.__annotations__[name] for name in fields}, "return": None}
    return made


def _dataclass(cls: type, fields: Mapping[str, _Field]) -> Any:
    """A dataclass with the same fields, for what ``dataclasses`` knows about a class."""
    import dataclasses

    def description(each: _Field) -> Any:
        given = {"default": each.default, "default_factory": each.factory}
        given = {name: value for name, value in given.items() if value is not _MISSING}
        return dataclasses.field(repr=each.is_shown, compare=each.is_compared, **given)

    described = [(name, cls.__annotations__[name], description(each)) for name, each in fields.items()]
    return dataclasses.make_dataclass(cls.__name__, described, frozen=True)
