"""What an audit's report means: a known weakness fails, and silence is not taken for soundness."""

from deploy.audit import REQUIREMENTS, Report, first_requirement, judge


def report(*dependencies: dict[str, object]) -> Report:
    return Report.model_validate({"dependencies": dependencies})


SOUND: dict[str, object] = {"name": "minio", "version": "7.2.20", "vulns": []}
WEAK: dict[str, object] = {
    "name": "pyyaml",
    "version": "5.3",
    "vulns": [{"id": "PYSEC-2020-96", "fix_versions": ["5.3.1"], "aliases": ["CVE-2020-1747"], "description": "..."}],
}
UNKNOWN: dict[str, object] = {"name": "annotated-doc", "skip_reason": "Dependency not found on PyPI"}


def test_a_known_weakness_fails_and_is_named_with_what_mends_it() -> None:
    verdict = judge(report(SOUND, WEAK))
    assert verdict.is_weak
    assert verdict.lines[0] == "pyyaml 5.3: PYSEC-2020-96, mended in 5.3.1"


def test_sound_dependencies_pass() -> None:
    verdict = judge(report(SOUND, SOUND))
    assert (verdict.is_answered, verdict.is_weak) == (True, False)
    assert verdict.lines == ("Audit: 2 dependencies, 0 known weaknesses.",)


def test_a_dependency_that_nobody_knows_is_named_and_not_counted() -> None:
    assert judge(report(SOUND, UNKNOWN)).lines == (
        "Audit: 1 dependencies, 0 known weaknesses.",
        "PyPI says nothing of annotated-doc.",
    )


def test_where_nobody_answers_nothing_is_said_to_be_sound() -> None:
    for answer in (None, report(), report(UNKNOWN, UNKNOWN)):
        verdict = judge(answer)
        assert not verdict.is_answered
        assert verdict.lines == ("Audit skipped: PyPI cannot be asked for known weaknesses from here.",)


def test_one_question_is_asked_first() -> None:
    first = first_requirement(REQUIREMENTS.read_text())
    assert first.count("==") == 1
    assert "--hash=sha256:" in first
