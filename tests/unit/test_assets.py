"""A derived asset's key says what determines the asset: the same everywhere and always, and different otherwise."""

import hashlib
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.assets import Asset, Determinant, derived_key, source_key
from shared.store import StoreSettings, file_digest

DIGEST = hashlib.sha256(b"clip").hexdigest()

determinants = st.recursive(
    st.text() | st.integers() | st.booleans() | st.none() | st.fractions(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


class Recipe(BaseModel):
    speed: Fraction
    fill: str


def test_a_key_never_changes() -> None:
    # Written down once: a release that changes it would make and buy everything again.
    key = derived_key("segments", "mp4", recipe_version=1, clip=DIGEST, frames=48, fps=Fraction(30000, 1001), hold=None)
    assert key == "segments/9ee6846afdef6d5547be9e8e2a3e42a0ad96bce7dad99c8ab6c2b464748593ea.mp4"


@given(st.dictionaries(st.sampled_from(["clip", "frames", "recipe", "words"]), determinants, min_size=2))
def test_the_order_in_which_determinants_are_named_does_not_matter(values: dict[str, Determinant]) -> None:
    backwards = dict(reversed(values.items()))
    assert derived_key("takes", "wav", recipe_version=1, **values) == derived_key(
        "takes", "wav", recipe_version=1, **backwards
    )


@given(determinants, determinants)
def test_whatever_differs_gives_another_key(one: Determinant, other: Determinant) -> None:
    same = _canonically(one) == _canonically(other)
    keys = {derived_key("takes", "wav", recipe_version=1, text=value) for value in (one, other)}
    assert len(keys) == (1 if same else 2)


def _canonically(value: Determinant) -> str:
    """The value as the key sees it: a fraction is its text, true is not 1."""
    if isinstance(value, Fraction):
        return repr(f"{value.numerator}/{value.denominator}")
    if isinstance(value, dict):
        return repr({name: _canonically(value[name]) for name in sorted(value)})
    if isinstance(value, list):
        return repr([_canonically(item) for item in value])
    return repr(value)


def test_the_kind_the_recipe_s_version_and_every_determinant_go_into_the_key() -> None:
    base = derived_key("takes", "wav", recipe_version=1, text="one", rate=2)
    others = {
        derived_key("beds", "wav", recipe_version=1, text="one", rate=2).split("/")[1],
        derived_key("takes", "wav", recipe_version=2, text="one", rate=2).split("/")[1],
        derived_key("takes", "wav", recipe_version=1, text="two", rate=2).split("/")[1],
        derived_key("takes", "wav", recipe_version=1, text="one", rate=3).split("/")[1],
        derived_key("takes", "wav", recipe_version=1, text="one").split("/")[1],
    }
    assert base.split("/")[1] not in others
    assert len(others) == 5


def test_documents_and_assets_determine_a_key_by_what_they_hold() -> None:
    one = derived_key("segments", "mp4", recipe_version=1, fit=Recipe(speed=Fraction(9, 10), fill="hold"))
    assert one == derived_key("segments", "mp4", recipe_version=1, fit=Recipe(speed=Fraction(18, 20), fill="hold"))
    assert one != derived_key("segments", "mp4", recipe_version=1, fit=Recipe(speed=Fraction(9, 10), fill="boomerang"))


@pytest.mark.parametrize("value", [b"bytes", {1, 2}, object(), Path("clip.mp4")])
def test_what_has_no_canonical_form_determines_nothing(value: object) -> None:
    with pytest.raises(TypeError, match="cannot determine an asset's key"):
        derived_key("segments", "mp4", recipe_version=1, value=value)  # type: ignore[arg-type]


@given(st.from_regex(r"[a-z]{1,12}", fullmatch=True), st.sampled_from(["mp4", "wav", "json"]), determinants)
def test_every_derived_key_is_a_key(kind: str, extension: str, value: Determinant) -> None:
    key = derived_key(kind, extension, recipe_version=1, value=value)
    assert Asset(key=key, digest=DIGEST, media_type="video/mp4", size=0).key == key


@pytest.mark.parametrize(
    ("suffix", "key"),
    [(".MP4", "mp4"), ("wav", "wav"), ("", "bin"), (".", "bin"), ("../x", "bin"), ("m\u00f6v", "bin")],
)
def test_a_source_s_key_is_the_digest_of_its_bytes(suffix: str, key: str) -> None:
    assert source_key(DIGEST, suffix) == f"sources/{DIGEST}.{key}"


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "A/b", "a b", "a\\b", "x" * 513])
def test_a_key_cannot_leave_the_bucket(key: str) -> None:
    with pytest.raises(ValidationError, match="key"):
        Asset(key=key, digest=DIGEST, media_type="video/mp4", size=0)


def test_a_file_s_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    (tmp_path / "clip.mp4").write_bytes(content)
    assert file_digest(tmp_path / "clip.mp4") == hashlib.sha256(content).hexdigest()


def test_the_store_s_secret_is_not_printed() -> None:
    assert "hunter2" not in repr(StoreSettings.model_validate({"secret_key": "hunter2"}))
