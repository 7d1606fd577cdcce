"""Lessons: fair questions, answers that are kept, scores of the literature."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.stats import norm

from napari_uncertainseg._base import InputError
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.review.lessons.lesson import ARM_NAMES, Lesson, earlier_scores, start_lesson
from napari_uncertainseg.review.lessons.model_visibility import ModelInfluence, assign, influence
from napari_uncertainseg.review.lessons.questions import SUSPECTED, depths, make_questions
from napari_uncertainseg.review.lessons.scoring import by_depth, by_size, score
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from ..builders import make_prediction

SHAPE = (40, 30, 30)
GRID, BRAIN = Grid(SHAPE, np.eye(4)), np.ones(SHAPE, bool)


def begin(store, annotator, case, output, truth, found, p, **options):
    """A lesson on a case of this grid."""
    return start_lesson(
        store,
        annotator=annotator,
        case=case,
        output=output,
        consensus=truth,
        lesions=found,
        probability=p,
        grid=GRID,
        brain=BRAIN,
        **options,
    )


@pytest.fixture(scope="module")
def scene():
    """Ten lesions of which the model finds eight, four false lesions and two false candidates."""
    truth, p = np.zeros(SHAPE, bool), np.zeros(SHAPE, np.float32)
    for i in range(10):
        place = np.s_[4 * i : 4 * i + 2, 3 : 6 + i, 3:7]
        truth[place] = True
        if i < 8:
            p[place] = 0.9
    for i in range(4):
        p[9 * i : 9 * i + 2, 20:24, 20:23] = 0.7
    for i in range(2):
        p[20 * i + 5 : 20 * i + 7, 20:24, 10:13] = 0.3
    return truth, ranked(p), p


def ranked(p):
    members = Members(tuple(slice(0, n) for n in p.shape), p[None].astype(np.float16))
    return rank_lesions(make_prediction(p, members))


@pytest.fixture(scope="module")
def cautious():
    """A model that finds three lesions, suspects five places, and two more that do not count."""
    truth, p = np.zeros(SHAPE, bool), np.zeros(SHAPE, np.float32)
    for i in range(3):
        truth[12 * i : 12 * i + 3, 3:9, 3:9] = True
    p[truth] = 0.9
    p[:, 9:12, 3:9] = 0.02  # a rim touches a lesion, and is none of them
    for i, peak in enumerate((0.02, 0.08, 0.04, 0.06, 0.03)):
        p[8 * i : 8 * i + 2, 20:24, 20:23] = peak
    p[20, 14, 14:16] = 0.09  # too small
    p[30:33, 14:16, 14:16] = 0.02
    p[31, 14, 14] = 0.9  # it takes this for a lesion, if for too small a one to list
    return truth, ranked(p), p


def test_what_the_model_suspects_fills_up_the_highest_first(cautious) -> None:
    truth, found, p = cautious
    for seed in range(20):
        asked = make_questions(truth, found, p, 1.0, seed=seed)
        assert sum(trial.exists for trial in asked) == 3 == len(asked) - 3
        foils = sorted(trial.probability for trial in asked if not trial.exists)
        assert foils == pytest.approx([0.04, 0.06, 0.08])
        assert all(p[trial.voxel] == np.float32(trial.probability) for trial in asked)
    few = make_questions(truth, found, np.where(p < 0.05, 0, p), 1.0, seed=0)
    assert sum(trial.exists for trial in few) == 2 == len(few) - 2
    weaker = (32, 21, 21)
    assert p[weaker] == np.float32(0.03)
    assert make_questions(truth, found, p, 1.0, seed=0, again={weaker})[0].voxel == weaker


def test_a_suspected_place_is_no_lesion_to_the_model_and_comes_again(store, cautious) -> None:
    truth, found, p = cautious
    case = store.case(store.project("x"), "c", "c")
    lesson = begin(store, "t", case, None, truth, found, p, plan="balanced", seed=1)
    assert sorted(lesson.arm_of().values()) == sorted([*ARM_NAMES] * 2)
    while lesson.at is not None:
        if lesson.opinion is not None:
            assert lesson.opinion.is_lesion == truth[lesson.at]
        lesson.answer(True, 0.9)
    wrong = {one.voxel for one in lesson.misjudged()}
    second = begin(store, "t", case, None, truth, found, p, plan="balanced", seed=2)
    assert len(wrong) == 3 == second.came_again and {task.voxel for task in second._tasks[:3]} == wrong
    assert all(second.arm_of()[voxel] != lesson.arm_of()[voxel] for voxel in wrong)


@given(st.integers(0, 9999))
@settings(max_examples=40, deadline=None)
def test_false_places_are_apart_from_the_consensus_and_the_likeliest(seed) -> None:
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.standard_normal((14, 22, 22)), 1.2)
    p = np.clip((field / field.std() - 0.8) * rng.uniform(0.01, 0.4), 0, 1).astype(np.float32)
    other = ndimage.gaussian_filter(rng.standard_normal(p.shape), 1.2)
    truth = other > 1.5 * other.std()
    found = ranked(p)
    known = truth | (found.labels > 0) | (found.candidates > 0)
    parts, n = ndimage.label(known | (p >= SUSPECTED), np.ones((3, 3, 3)))
    free = [
        i
        for i in range(1, n + 1)
        if (part := parts == i).sum() >= 3 and not known[part].any() and p[part].max() < 0.5
    ]
    try:
        asked = make_questions(truth, found, p, 1.0, seed=seed)
    except InputError:
        assert not free
        return
    false = [trial for trial in asked if not trial.exists]
    assert len(false) * 2 == len(asked) and len({trial.voxel for trial in asked}) == len(asked)
    assert not any(truth[trial.voxel] for trial in false)
    listed = [t for t in false if found.labels[t.voxel] or found.candidates[t.voxel]]
    little = sorted((t.probability for t in false if t not in listed), reverse=True)
    assert little == sorted((float(p[parts == i].max()) for i in free), reverse=True)[: len(little)]
    assert all(parts[t.voxel] in free for t in false if t not in listed)


def test_as_many_false_places_as_lesions(scene) -> None:
    truth, found, p = scene
    asked = make_questions(truth, found, p, 1.0, seed=1)
    assert sum(trial.exists for trial in asked) == 6 == len(asked) - 6
    assert all(truth[trial.voxel] == trial.exists for trial in asked)
    assert len({trial.voxel for trial in asked}) == 12
    assert (
        make_questions(truth, found, p, 1.0, seed=1) == asked != make_questions(truth, found, p, 1.0, seed=2)
    )
    assert len(make_questions(truth, found, p, 1.0, seed=1, most=6)) == 6
    exists = [[trial.exists for trial in make_questions(truth, found, p, 1.0, seed=s)] for s in range(200)]
    assert 0.4 < np.mean([e[0] for e in exists]) < 0.6  # neither kind comes first


def test_what_was_misjudged_comes_first(scene) -> None:
    truth, found, p = scene
    every = make_questions(truth, found, p, 1.0, seed=1)
    again = {every[-1].voxel, every[-3].voxel}
    asked = make_questions(truth, found, p, 1.0, seed=5, again=again)
    assert {trial.voxel for trial in asked[:2]} == again


def test_where_nothing_can_be_asked(scene) -> None:
    truth, found, p = scene
    with pytest.raises(InputError, match="no lesion"):
        make_questions(truth & False, found, p, 1.0, seed=0)
    with pytest.raises(InputError, match=r"choose another consensus.* begin again"):
        make_questions(truth | (p > 0.1), found, p, 1.0, seed=0)
    with pytest.raises(InputError, match="same grid"):
        make_questions(truth[1:], found, p, 1.0, seed=0)


def test_scores_of_signal_detection() -> None:
    exists = np.array([1] * 20 + [0] * 20, bool)
    says = np.array([1] * 16 + [0] * 4 + [1] * 5 + [0] * 15, bool)
    found = score(exists, says, np.full(40, 0.8))
    assert (found.hits, found.misses, found.false_alarms, found.correct_rejections) == (16, 4, 5, 15)
    hit, false = 16.5 / 21, 5.5 / 21
    assert found.sensitivity == pytest.approx(norm.ppf(hit) - norm.ppf(false))
    assert found.criterion == pytest.approx(-(norm.ppf(hit) + norm.ppf(false)) / 2)
    assert found.accuracy == 31 / 40
    assert found.brier == pytest.approx((31 * 0.2**2 + 9 * 0.8**2) / 40)
    assert found.confidence.count.sum() == 40


@given(st.integers(0, 9999), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_bounds_and_symmetry(seed, n) -> None:
    rng = np.random.default_rng(seed)
    exists, says, sure = rng.random(n) < 0.5, rng.random(n) < 0.5, rng.uniform(0.5, 1, n)
    found, mirrored = score(exists, says, sure), score(~exists, ~says, sure)
    assert found.sensitivity == pytest.approx(mirrored.sensitivity)
    assert found.criterion == pytest.approx(-mirrored.criterion)
    assert 0 <= found.brier <= 1 and found.brier == pytest.approx(mirrored.brier)
    perfect = score(exists, exists, np.ones(n))
    assert perfect.brier == 0 and perfect.accuracy == 1 and perfect.sensitivity > 0
    volume = rng.lognormal(3, 2, n)
    assert sum(one.answers for one in by_size(exists, says, sure, volume).values()) == n


def test_no_answer_is_no_error() -> None:
    none = score(np.zeros(0, bool), np.zeros(0, bool), np.zeros(0))
    assert none.answers == 0 and np.isnan(none.brier) and np.isnan(none.accuracy) and none.sensitivity == 0
    with pytest.raises(InputError, match="same grid"):
        score(np.zeros(2, bool), np.zeros(3, bool), np.zeros(2))


def test_a_lesson_is_kept_and_its_mistakes_come_back(store, scene) -> None:
    truth, found, p = scene
    case = store.case(store.project("x"), "c", "c")
    output = store.output(case, "a" * 64, model="m", model_sha256="b" * 64, method="x", threshold=0.5)

    def lesson(seed):
        return begin(store, "trainee", case, output, truth, found, p, seed=seed)

    first = lesson(1)
    assert len(first) == 12 and first.came_again == 0 and earlier_scores(store, "trainee") == []
    wrong = []
    for i in range(12):
        voxel = first.at
        right = truth[voxel] if i % 4 else ~truth[voxel]
        wrong += [] if i % 4 else [voxel]
        first.answer(bool(right), 0.9 if i % 4 else 0.6)
    assert first.at is None and first.answered == 12
    with pytest.raises(InputError, match="All questions"):
        first.answer(True, 0.9)
    assert first.score().accuracy == 0.75 and {m.voxel for m in first.misjudged()} == set(wrong)
    first.close()
    again = Lesson(store, first.session)
    assert again.score().brier == first.score().brier and store.verify() == {first.session: ""}
    second = lesson(2)
    assert second.came_again == 3
    asked = [second._tasks[i].voxel for i in range(3)]
    assert set(asked) == set(wrong)
    with pytest.raises(InputError, match=r"0.5 to 1"):
        second.answer(True, 0.4)
    assert [one.accuracy for one in earlier_scores(store, "trainee", without=second.session)] == [0.75]
    assert begin(store, "other", case, output, truth, found, p, seed=3).came_again == 0


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([None, "without", "first", "after"])),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 999),
)
@settings(max_examples=60, deadline=None)
def test_arms_are_balanced_and_a_place_changes_its_own(asked, seed) -> None:
    exists, before = [e for e, _ in asked], [b for _, b in asked]
    arms = assign(exists, "balanced", np.random.default_rng(seed), before)
    assert all(arm != last for arm, last in zip(arms, before, strict=True))
    fresh = assign(exists, "balanced", np.random.default_rng(seed))
    for kind in (True, False):
        counts = [
            sum(a == arm and e == kind for a, e in zip(fresh, exists, strict=True)) for arm in ARM_NAMES
        ]
        assert max(counts) - min(counts) <= 1
    assert set(assign(exists, "first", np.random.default_rng(seed), before)) == {"first"}


def test_no_arm_is_tied_to_a_place_in_the_order() -> None:
    first = [assign([True] * 3, "balanced", np.random.default_rng(s))[0] for s in range(300)]
    assert min(first.count(arm) for arm in ARM_NAMES) > 60
    with pytest.raises(InputError, match="shown without, first"):
        assign([True], "never", np.random.default_rng(0))


def test_influence_counts_who_was_moved() -> None:
    exists = np.array([1, 1, 1, 0, 0, 0], bool)
    model = np.array([1, 1, 0, 1, 1, 0], bool)
    first = np.array([0, 0, 1, 0, 0, 1], bool)
    last = np.array([1, 0, 0, 1, 0, 0], bool)
    assert influence(exists, model, first, last) == ModelInfluence(3, 2, 3, 2, answers=6, changed=4)
    assert influence(exists, model, exists, exists) == ModelInfluence(0, 0, 3, 0, answers=6, changed=0)


def test_each_change_follows_the_model_or_leaves_it() -> None:
    """Only who disagreed with the model can be moved by it; a change away from it moves nobody."""
    for bits in range(16):
        exists, model, first, last = (np.array([bits >> k & 1], bool) for k in range(4))
        found = influence(exists, model, first, last)
        changed, agreed = bool(first != last), bool(first == model)
        assert (found.changed, found.left) == (changed, changed and agreed)
        assert found.helped == (changed and not agreed and bool(model == exists))
        assert found.harmed == (changed and not agreed and bool(model != exists))
        assert found.could_help + found.could_harm == (not agreed)


def test_the_model_is_seen_first_after_or_not_at_all(store, scene) -> None:
    truth, found, p = scene
    case = store.case(store.project("x"), "c", "c")
    output = store.output(case, "a" * 64, model="m", model_sha256="b" * 64, method="x", threshold=0.5)
    lesson = begin(store, "t", case, output, truth, found, p, plan="balanced", seed=4)
    seen = {"without": 0, "first": 0, "after": 0}
    while lesson.at is not None:
        voxel, at_first = lesson.at, lesson.opinion
        n = lesson.answered
        lesson.answer(True, 0.8)
        if lesson.answered > n:
            seen["without" if at_first is None else "first"] += 1
        else:
            assert at_first is None and lesson.at == voxel
            now = lesson.opinion
            assert now is not None and now.is_lesion == (p[voxel] >= 0.5)
            seen["after"] += 1
            lesson.answer(now.is_lesion, 0.9)  # follows the model
    assert seen == {"without": 4, "first": 4, "after": 4}
    lesson.close()
    again = Lesson(store, lesson.session)
    by_arm = again.score_by_arm()
    assert {arm: one.answers for arm, one in by_arm.items()} == {"without": 4, "first": 4, "after": 4}
    assert by_arm["without"].accuracy == 0.5
    found_out = again.influence()
    assert found_out is not None and found_out.helped == found_out.could_help
    assert found_out.harmed == found_out.could_harm
    assert store.verify() == {lesson.session: ""}
    plain = begin(store, "u", case, output, truth, found, p, seed=4)
    assert plain.opinion is None and plain.score_by_arm() == {} and plain.influence() is None


@pytest.mark.parametrize("seed", range(4))
def test_depths_are_those_of_a_distance_map(seed) -> None:
    """Of brains of any shape, with holes, that touch the edges of the image."""
    rng, spacing = np.random.default_rng(seed), (3.0, 0.9, 1.1)
    noise = ndimage.gaussian_filter(rng.normal(size=(14, 22, 18)), 2.0)
    brain = noise > np.quantile(noise, 0.3)
    whole = ndimage.distance_transform_edt(np.pad(brain, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    places = [tuple(map(int, place)) for place in np.argwhere(np.ones(brain.shape, bool))[::7]]
    np.testing.assert_allclose(depths(places, brain, spacing), [whole[place] for place in places], rtol=1e-12)
    assert depths([(1, 2, 3)], np.zeros_like(brain), spacing) == [0.0]


def test_depth_is_the_distance_to_what_is_no_brain(store, scene) -> None:
    brain = np.zeros((9, 40, 40), bool)
    brain[2:7, 5:35, 5:35] = True
    spacing = (3.0, 1.0, 2.0)
    outside = np.argwhere(~brain) * spacing
    places = [(4, 20, 20), (2, 20, 20), (4, 6, 20), (0, 0, 0)]
    for found, place in zip(depths(places, brain, spacing), places, strict=True):
        nearest = np.linalg.norm(outside - np.array(place) * spacing, axis=1).min()
        assert found == pytest.approx(nearest)
    assert depths([(0, 1, 1)], np.ones((3, 3, 3), bool), (1.0, 1.0, 1.0)) == [1.0]  # the image's edge counts
    exists, says = np.array([1, 0, 1], bool), np.array([1, 1, 0], bool)
    groups = by_depth(exists, says, np.full(3, 0.7), np.array([3.0, 40.0, np.nan]))
    assert {name: one.answers for name, one in groups.items()} == {"< 15 mm deep": 1, "deeper": 1}
    truth, found, p = scene
    case = store.case(store.project("x"), "c", "c")
    lesson = begin(store, "t", case, None, truth, found, p, seed=1)
    while lesson.at is not None:
        lesson.answer(True, 0.9)
    assert sum(one.answers for one in lesson.score_by_depth().values()) == len(lesson)
