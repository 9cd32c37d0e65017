"""What all parts of a manifest have in common: camel case, no unknown keys, every fault at once.

Pydantic looks at relations between fields only when each field is right, and its messages do not
know what else could have been written. Here a part tells its own faults: all of them, in the words
of manifests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError, core_schema
from typing_extensions import Self

from spark_platform.dcp.problems import Path, nearest
from spark_platform.kernel.errors import InvalidInput

__all__ = ["FAULT", "Fault", "Part", "Text", "Words", "fault", "not_of", "shown"]

FAULT = "manifest"
"""The type of all errors that parts raise; their context has what a Problem has."""
_MISSING = "is missing"
_WANTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "model_type": "keys and values",
    "dict_type": "keys and values",
    "tuple_type": "a list",
    "list_type": "a list",
}

Fault = tuple[Path, PydanticCustomError]
"""Where in a part, and what is wrong there."""


def fault(message: str, *, hint: str = "", **more: Any) -> PydanticCustomError:
    """A fault for a validator to raise; it may say more of what a Problem has."""
    context = {"message": message, "hint": hint, **more}
    return PydanticCustomError(FAULT, "{message}", context)


def shown(value: Any) -> str:
    """A value as people would write it, with what it is."""
    if isinstance(value, Mapping):
        return "keys and values"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    return f"the number {value}" if isinstance(value, int | float) else f"the text {value!r}"


class Part(BaseModel):
    """A mapping of a manifest. Frozen; its keys are camel case in files."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
    )

    @classmethod
    def relations(cls, given: Mapping[str, Any]) -> Iterator[Fault]:  # noqa: ARG003
        """Faults that lie between keys. The values are as they were given, of any type."""
        yield from ()

    @classmethod
    def known(cls) -> tuple[str, ...]:
        """The keys it knows, as files have them."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())

    @classmethod
    def unknown(cls, key: str) -> PydanticCustomError:
        """What to say of a key that it does not know."""
        return _unknown_key(key, cls.known())

    @model_validator(mode="wrap")
    @classmethod
    def _all_faults(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        found = [*cls.relations(given)] if isinstance(given, Mapping) else []
        made = None
        try:
            made = handler(given)
        except ValidationError as error:
            found = [*map(cls._in_words, error.errors(include_url=False)), *found]
        # what is only misspelt is not missing, too
        misspelt = {(what.context or {}).get("suggestion") for _, what in found}
        details = [
            InitErrorDetails(type=what, loc=path, input=None)
            for path, what in found
            if not (what.message() == _MISSING and path[0] in misspelt)
        ]
        if made is None or details:
            raise ValidationError.from_exception_data(cls.__name__, details)
        return made

    @classmethod
    def _in_words(cls, error: ErrorDetails) -> Fault:
        place, kind, given = error["loc"], error["type"], error["input"]
        context = error.get("ctx", {})
        if place[-1:] == ("[key]",):
            # pydantic's mark of a mapping's key
            place, context = place[:-1], {**context, "at_key": True}
        if kind == FAULT:
            what = fault(**context)
        elif kind == "extra_forbidden":
            what = cls.unknown(str(place[0]))
        elif kind == "missing":
            what = fault(_MISSING, hint=cls._description(str(place[0])))
        elif kind == "literal_error":
            allowed = cls._literals(str(place[0]))
            what = not_of(given, allowed)
        elif kind in ("greater_than_equal", "less_than_equal"):
            least = kind == "greater_than_equal"
            limit = f"at least {context['ge']}" if least else f"at most {context['le']}"
            what = fault(f"{given} is not allowed", hint=limit)
        else:
            what = _unfit(_WANTED.get(kind, error["msg"]), given)
        return place, what

    @classmethod
    def _field(cls, key: str) -> Any:
        return next(each for name, each in cls.model_fields.items() if (each.alias or name) == key)

    @classmethod
    def _description(cls, key: str) -> str:
        return " ".join(str(cls._field(key).description or "").split()).partition(". ")[0]

    @classmethod
    def _literals(cls, key: str) -> tuple[str, ...]:
        return tuple(_literals(cls._field(key).annotation))


def _literals(annotation: Any) -> Iterator[str]:
    for each in get_args(annotation):
        # of an optional one the literal is within
        yield from (each,) if isinstance(each, str) else _literals(each)


def _unknown_key(key: str, known: tuple[str, ...]) -> PydanticCustomError:
    """Of a key that is none of the known ones."""
    suggestion = nearest(key, known)
    listed = f"known here: {', '.join(known)}"
    return fault(
        "unknown key",
        hint=f'did you mean "{suggestion}"? {listed}' if suggestion else listed,
        allowed=known,
        suggestion=suggestion,
        at_key=True,
    )


def not_of(given: Any, allowed: tuple[str, ...]) -> PydanticCustomError:
    """Of a value that is none of the allowed ones."""
    suggestion = nearest(given, allowed) if isinstance(given, str) else ""
    listed = f"allowed: {', '.join(allowed)}"
    return fault(
        f"{given!r} is not allowed" if isinstance(given, str) else f"{shown(given)} is not allowed",
        hint=f'did you mean "{suggestion}"? {listed}' if suggestion else listed,
        allowed=allowed,
        suggestion=suggestion,
    )


def _unfit(wanted: str, given: Any) -> PydanticCustomError:
    """Of a value of another type than is wanted."""
    hint = ""
    if wanted == "text" and isinstance(given, bool | int | float):
        hint = f'quote it: "{str(given).lower()}"'
    elif wanted == "a whole number" and isinstance(given, str) and given.isdigit():
        hint = f"without quotes: {given}"
    elif wanted == "a list" and isinstance(given, str):
        hint = f"a list of one is [{given}]"
    return fault(f"wants {wanted}, has {shown(given)}", hint=hint)


@dataclass(frozen=True)
class Text:
    """Text that must pass a check.

    Attributes:
        pattern: its form, for the JSON Schema; may allow more than the check does.
        check: raises InvalidInput.
    """

    pattern: str
    check: Callable[[str], object]

    @classmethod
    def of(cls, pattern: str, what: str, form: str) -> Text:
        """Text of a form, such as a ``name``; the form is also said in words."""

        def check(text: str) -> None:
            if not re.fullmatch(pattern, text, re.ASCII):
                raise InvalidInput(f"{text!r} is no {what}", hint=form)

        return cls(pattern, check)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), "type": "string", "pattern": f"^{self.pattern}$"}

    def _checked(self, text: str) -> str:
        try:
            self.check(text)
        except InvalidInput as error:
            raise fault(error.message, hint=error.hint) from None
        return text


def _words(given: Any) -> Any:
    if isinstance(given, bool):
        return str(given).lower()
    return str(given) if isinstance(given, int) else given


Words = Annotated[
    str,
    BeforeValidator(_words),
    Field(json_schema_extra={"type": ["string", "integer", "boolean"]}),
]
"""Text that may stand without quotes where it is a whole number, ``true`` or ``false``."""
