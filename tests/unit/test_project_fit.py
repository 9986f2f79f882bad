"""How clips may be changed: for the whole project, and otherwise for one scene."""

import pytest
from pydantic import ValidationError

from shared.project_fit import FillPrices, Fit, SceneFit, fit_of_scene


def test_a_scene_that_says_nothing_is_fitted_as_the_project_says() -> None:
    project = Fit(fastest=1.05, fill="hold")
    assert fit_of_scene(project, None) == project
    assert fit_of_scene(project, SceneFit()) == project


def test_what_a_scene_says_outweighs_the_project_and_all_else_stays() -> None:
    project = Fit(fastest=1.05, fill="hold", crossfade_ms=300)
    fitted = fit_of_scene(project, SceneFit(fill="loop", slow_motion="blend"))
    assert fitted == Fit(fastest=1.05, fill="loop", slow_motion="blend", crossfade_ms=300)


def test_a_scene_s_prices_are_its_own() -> None:
    project = Fit(prices=FillPrices(turn=9, joint=9))
    assert fit_of_scene(project, SceneFit(prices=FillPrices(joint=0))).prices == FillPrices(joint=0)


def test_a_scene_can_say_whatever_a_project_can() -> None:
    assert set(SceneFit.model_fields) == set(Fit.model_fields)


@pytest.mark.parametrize(
    "written", [{"slowest": 0.79}, {"fastest": 1.26}, {"crossfade": "50ms"}, {"crossfade": "4s"}, {"fill": "freeze"}]
)
def test_no_scene_goes_beyond_the_bounds_of_a_project(written: dict[str, object]) -> None:
    for kind in (Fit, SceneFit):
        with pytest.raises(ValidationError):
            kind.model_validate(written)


def test_a_crossfade_is_written_as_a_time() -> None:
    assert Fit.model_validate({"crossfade": "0.4s"}).crossfade_ms == 400
