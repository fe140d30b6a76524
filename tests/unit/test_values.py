"""``frozen`` makes what ``dataclasses.dataclass(frozen=True, slots=True)`` makes."""

import copy
import dataclasses
import inspect
import pickle
import threading

import pytest

from mngr_ansible import values
from mngr_ansible.values import field, fields_of, frozen, replace


def both():
    """The same class, made by ``frozen`` and by ``dataclasses``."""

    def made(decorator, field):
        @decorator
        class Value:
            """A value."""

            name: str
            size: int = 0
            parts: dict[str, int] = field(default_factory=dict)
            secret: str = field(default="", repr=False)
            noise: int = field(default=0, compare=False)

            def __post_init__(self) -> None:
                if self.size < 0:
                    raise ValueError("below zero")

            @property
            def twice(self) -> int:
                return 2 * self.size

        return Value

    return made(frozen, field), made(dataclasses.dataclass(frozen=True, slots=True), dataclasses.field)


@frozen
class Pair:
    """At module level, so that it can be pickled."""

    left: int
    right: tuple[int, ...] = ()


@pytest.mark.parametrize("look", [lambda cls: None, lambda cls: cls("first")], ids=["before the first object", "after"])
def test_its_signature_and_its_fields_are_those_of_a_dataclass(look):
    ours, theirs = both()
    look(ours)
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    for one, other in zip(dataclasses.fields(ours), dataclasses.fields(theirs), strict=True):
        assert [getattr(one, name) for name in ("name", "type", "default", "default_factory", "repr", "compare")] == [
            getattr(other, name) for name in ("name", "type", "default", "default_factory", "repr", "compare")
        ]
    assert dataclasses.is_dataclass(ours)
    assert (ours.__doc__, ours.__name__, ours.__qualname__, ours.__module__, ours.__slots__, ours.__match_args__) == (
        theirs.__doc__, theirs.__name__, theirs.__qualname__, theirs.__module__, theirs.__slots__, theirs.__match_args__
    )  # fmt: skip


@pytest.mark.parametrize("arguments", [{}, {"name": "a", "other": 1}, {"name": "a", "size": -1}], ids=str)
def test_wrong_arguments_are_refused_in_the_same_words(arguments):
    messages = []
    for cls in both():
        with pytest.raises((TypeError, ValueError)) as raised:
            cls(**arguments)
        messages.append((raised.type, str(raised.value)))
    assert messages[0] == messages[1]


def test_its_objects_print_compare_and_hash_as_those_of_a_dataclass():
    shown = []
    for cls in both():
        one, other = cls("a", secret="s", noise=1), cls("a", 0, {}, "s", 2)
        assert one == other != cls("a", 1)
        assert one != "a"
        assert one.twice == 0
        assert one.parts is not other.parts
        with pytest.raises(TypeError, match="unhashable type: 'dict'"):
            hash(one)
        assert hash(cls("a", parts=())) == hash(cls("a", 0, (), noise=3)) != hash(cls("b", parts=()))
        shown.append(repr(one))
    assert shown[0] == shown[1]
    assert "secret" not in shown[0]


def test_nothing_of_it_can_be_assigned_or_deleted_and_it_has_no_other_attributes():
    value = Pair(1)
    for name in ("left", "other"):
        with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(value, name, 1)
        with pytest.raises(dataclasses.FrozenInstanceError, match=f"cannot delete field '{name}'"):
            delattr(value, name)
    assert not hasattr(value, "__dict__")


def test_a_subclass_may_have_attributes_of_its_own_but_not_change_the_fields():
    value = type("More", (Pair,), {})(0)
    value.more = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.left = 2
    assert (value.left, value.more) == (0, 1)


def test_it_can_be_copied_pickled_matched_and_taken_apart():
    value = Pair(1, (2, 3))
    assert copy.copy(value) == copy.deepcopy(value) == value
    assert [pickle.loads(pickle.dumps(value, each)) for each in range(pickle.HIGHEST_PROTOCOL + 1)] == [value] * 6
    assert dataclasses.asdict(value) == fields_of(value) == {"left": 1, "right": (2, 3)}
    match value:
        case Pair(left, right):
            assert (left, right) == (1, (2, 3))


def test_another_value_is_made_from_it_and_checked():
    cls, _ = both()
    for make in (replace, dataclasses.replace, cls.__replace__):
        assert make(cls("a", 1, secret="s"), size=2) == cls("a", 2, secret="s")
        with pytest.raises(ValueError, match="below zero"):
            make(cls("a"), size=-1)


def test_methods_of_the_class_itself_are_kept():
    @frozen
    class Value:
        name: str

        def __init__(self, *names):
            object.__setattr__(self, "name", "-".join(names))

        def __repr__(self):
            return f"<{self.name}>"

    assert repr(Value("a", "b")) == "<a-b>"
    assert {Value("a", "b"), Value("a", "b")} == {Value("a-b")}


def test_a_class_without_fields_is_one_too():
    @frozen
    class Nothing:
        pass

    assert Nothing() == Nothing()
    assert repr(Nothing()).endswith("Nothing()")


def test_nothing_is_compiled_before_the_first_object_is_made():
    @frozen
    class Value:
        name: str

    assert isinstance(vars(Value)["__init__"], values._Later)
    assert Value("a").name == "a"
    assert inspect.isfunction(vars(Value)["__init__"])


def test_many_threads_may_make_the_first_object():
    @frozen
    class Value:
        number: int

    made, start = [], threading.Barrier(8)
    threads = [threading.Thread(target=lambda n=n: (start.wait(), made.append(Value(n)))) for n in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(each.number for each in made) == list(range(8))
