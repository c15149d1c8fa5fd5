"""What `simkit list --checks` shows: the checks that any system can use, the objects they know, and their settings.

Names, sentences, settings and defaults are read from the classes that `simkit.checks` offers.

It deliberately keeps no list of its own, and says nothing of the checks of one system: those are part of its card.
"""

import inspect
import typing

import simkit.checks
from simkit.checks import Budget, Check, Model
from simkit.language.documented import first_sentence
from simkit.report.catalogue import Listing, Section

GUIDE = "docs/guides/write-a-check.md shows how a system's card comes by each of them."
_NOT_SETTINGS = {"name", "earlier", "later", "promise"}


def check_list() -> Listing:
    """List the checks and the models that `simkit.checks` offers."""
    offered = [getattr(simkit.checks, name) for name in sorted(simkit.checks.__all__)]
    classes = [each for each in offered if inspect.isclass(each)]
    checks = [each for each in classes if issubclass(each, Check)]
    models = [each for each in classes if issubclass(each, Model) and each is not Model]
    return Listing(
        (
            Section("Checks", tuple((each.__name__, first_sentence(each)) for each in checks)),
            Section("Settings", tuple(row for each in checks for row in _settings(each))),
            Section(
                "Models", tuple((_called(each), ", ".join(each.functions), first_sentence(each)) for each in models)
            ),
        ),
        closing=GUIDE,
    )


def _settings(check: type[Check]) -> list[tuple[str, str]]:
    """Return what a subclass may set, with its default: the public class variables that the class itself names."""
    rows = []
    for name, kind in inspect.get_annotations(check).items():
        origin: object = typing.get_origin(kind)
        if origin is typing.ClassVar and not name.startswith("_") and name not in _NOT_SETTINGS:
            default = f"= {_plain(getattr(check, name))}" if hasattr(check, name) else "required"
            rows.append((f"{check.__name__}.{name}", default))
    return rows


def _plain(value: object) -> str:
    if isinstance(value, Budget):
        return f"Budget(steps={value.steps:_}, memory_bytes={value.memory_bytes:_})"
    return f"{value:_}" if isinstance(value, int) else repr(value)


def _called(model: type[Model]) -> str:
    parameters = [
        each for each in inspect.signature(model).parameters.values() if each.default is not inspect.Parameter.empty
    ]
    given = ", ".join(f"{each.name}={each.default!r}" for each in parameters)
    return f"{model.__name__}({given})"
