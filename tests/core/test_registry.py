"""Names lead to factories, ours and other packages'; a wrong name or option is answered with the nearest."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from bench.core import registry
from bench.core.errors import UserError
from bench.core.registry import Registry


class Animal:
    def __init__(self, legs: int, colour: str = "brown", name: str = "") -> None:
        self.legs, self.colour, self.name = legs, colour, name


class Cow(Animal):
    def __init__(self, milk: float = 1.0, **options: Any) -> None:
        super().__init__(**options)
        self.milk = milk


class Stone:
    pass


@pytest.fixture
def animals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry[object]]:
    """One registered here, one in a module of ours, and three announced by other packages."""
    (tmp_path / "zoo_fish.py").write_text("class Fish(int):\n    pass")
    (tmp_path / "zoo_bird.py").write_text("class Bird:\n    def __init__(self, wings=2):\n        self.wings = wings")
    (tmp_path / "zoo_broken.py").write_text("import no_such_module_anywhere")
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint("bird", "zoo_bird:Bird", "zoo"),
        EntryPoint("broken", "zoo_broken:Thing", "zoo"),
        EntryPoint("absent", "zoo_bird:Thing", "zoo"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry for entry in entries if entry.group == group])
    found: Registry[object] = Registry("animal", "zoo", {"fish": "zoo_fish:Fish"})
    found.register("dog")(Animal)
    found.register("stone")(Stone)
    yield found
    for module in ("zoo_fish", "zoo_bird", "zoo_broken"):
        sys.modules.pop(module, None)


def refusal(call: object, *args: object, **options: object) -> str:
    with pytest.raises(UserError) as raised:
        call(*args, **options)  # type: ignore[operator]
    return str(raised.value)


def test_names_import_nothing(animals: Registry[object]) -> None:
    assert animals.names() == ["absent", "bird", "broken", "dog", "fish", "stone"]
    assert not {"zoo_fish", "zoo_bird", "zoo_broken"} & sys.modules.keys()


def test_ours_and_plugins_are_imported_when_asked_for(animals: Registry[object]) -> None:
    assert animals.get("fish").__name__ == "Fish"
    bird = animals.create("bird", wings=4)
    assert bird.wings == 4  # type: ignore[attr-defined]
    assert "zoo_broken" not in sys.modules
    assert animals.get("bird") is type(bird)


def test_options_reach_the_factory_even_one_called_name(animals: Registry[object]) -> None:
    dog = animals.create("dog", legs=4, name="Rex")
    assert isinstance(dog, Animal)
    assert (dog.legs, dog.colour, dog.name) == (4, "brown", "Rex")
    assert animals.options("dog") == {"legs": inspect.Parameter.empty, "colour": "brown", "name": ""}
    assert isinstance(animals.create("stone"), Stone)


def test_what_is_unknown_or_missing(animals: Registry[object]) -> None:
    assert refusal(animals.get, "dgo") == "unknown animal 'dgo': did you mean 'dog'?"
    assert refusal(animals.get, "xyz") == "unknown animal 'xyz': known: absent, bird, broken, dog, fish, stone"
    assert refusal(animals.create, "dog", legs=4, color="red") == (
        "unknown option of animal 'dog' 'color': did you mean 'colour'?"
    )
    assert refusal(animals.create, "stone", legs=4) == "unknown option of animal 'stone' 'legs': known: none"
    assert refusal(animals.create, "dog") == "animal 'dog' needs the option 'legs'"


def test_a_plugin_that_cannot_be_imported_is_blamed_by_name(animals: Registry[object]) -> None:
    assert refusal(animals.get, "broken").startswith("animal 'broken' of ")
    assert "no_such_module_anywhere" in refusal(animals.get, "broken")
    assert "cannot be imported: AttributeError" in refusal(animals.get, "absent")


def test_a_name_is_taken_once(animals: Registry[object]) -> None:
    assert animals.register("dog")(Animal) is Animal
    with pytest.raises(ValueError, match="two animals are called 'dog'"):
        animals.register("dog")(Stone)
    with pytest.raises(ValueError, match="two animals are called 'fish'"):
        animals.register("fish")(Stone)


def test_origin(animals: Registry[object]) -> None:
    assert animals.origin("fish") == "sebench"
    assert animals.origin("dog") == "registered at run time"


def test_options_that_a_class_hands_on_are_its_bases(animals: Registry[object]) -> None:
    animals.register("cow")(Cow)
    assert animals.options("cow").keys() == {"milk", "legs", "colour", "name"}
    cow = animals.create("cow", milk=2.0, colour="black", legs=4)
    assert isinstance(cow, Cow) and (cow.milk, cow.colour, cow.legs) == (2.0, "black", 4)
    assert "did you mean 'colour'" in refusal(animals.create, "cow", legs=4, color="black")
    assert "needs the option 'legs'" in refusal(animals.create, "cow")
