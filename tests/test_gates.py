"""Every public door for arrays, and every type of numbers at each: the same answer, or one sentence."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import napari_uncertainseg
from napari_uncertainseg import _boxes
from napari_uncertainseg._base import InputError
from napari_uncertainseg._threshold import at_least
from napari_uncertainseg.calibration import (
    conformal,
    real_by_cases,
    recalibration,
    record,
    region,
    reliability,
    risks,
    scores,
    thresholds,
    vector,
)
from napari_uncertainseg.calibration import probability_histogram as evidence
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.lesions import components, hierarchy, matching
from napari_uncertainseg.prediction.members import Members
from napari_uncertainseg.raters import agreement, consensus, correspondence, curvas, report, simulate
from napari_uncertainseg.uncertainty import (
    against_raters,
    classes,
    lesion,
    lesion_agreement,
    patient,
    referral,
    retention,
    voxel,
)
from napari_uncertainseg.uncertainty import lesion_details as details
from napari_uncertainseg.uncertainty import lesion_ranking as ranking

from .builders import make_prediction

SHAPE = (3, 4, 5)
WHOLE = tuple(slice(0, n) for n in SHAPE)
ONES = (1.0, 1.0, 1.0)
RNG = np.random.default_rng(5)
P = np.round(RNG.random(SHAPE), 2)
HARD = (P > 0.6).astype(float)
MASK = RNG.random(SHAPE) < 0.4
OTHER = RNG.random(SHAPE) < 0.4
LABELS = np.zeros(SHAPE, np.uint8)
LABELS[0], LABELS[2, :, 3:] = 1, 2
EACH = np.arange(1, 61).reshape(SHAPE)
TEMPERATURE = recalibration.Temperature(0.0, 0.0, 2.0)
GRID = Grid(SHAPE, np.eye(4))


def accumulated(kind, *members):
    maps = kind()
    for member in members:
        maps.add(member)
    return maps.result()


def two(p):
    return np.stack([1 - p, p])


PROBABILITIES = {
    "reliability.reliability": lambda p: reliability.reliability(p, MASK, region=OTHER),
    "reliability.Binned.from_probability": lambda p: reliability.Binned.from_probability(p).against(MASK),
    "scores.brier": lambda p: scores.brier(p, MASK),
    "scores.brier_parts": lambda p: scores.brier_parts(p, MASK, bins=5),
    "scores.nll": lambda p: scores.nll(p, MASK, region=OTHER),
    "scores.top_label": lambda p: scores.top_label(p, MASK),
    "scores.classwise": lambda p: scores.classwise(p, MASK),
    "scores.static_ece": lambda p: scores.static_ece(p, MASK),
    "scores.paired": lambda p: scores.paired(p, MASK, OTHER),
    "scores.stacked": lambda p: scores.stacked(p, MASK, None),
    "evidence.Evidence.of": lambda p: evidence.ProbabilityHistogram.from_probability(p, MASK),
    "recalibration.apply": lambda p: TEMPERATURE.apply(p),
    "thresholds.best_dice": lambda p: thresholds.best_dice(p, MASK),
    "thresholds.dice_curve": lambda p: thresholds.dice_curve(p, MASK),
    "thresholds.counts_at_least": lambda p: thresholds.counts_at_least(p),
    "risks.Losses.from_case": lambda p: risks.Losses.from_case(p, MASK, np.arange(1, 10) / 10),
    "record.measures_of": lambda p: record.measures_of(p, P, MASK, 1.0),
    "region.lesion_reliability": lambda p: region.lesion_reliability([(EACH, np.ravel(p))], MASK),
    "real_by_cases.of": lambda p: real_by_cases.RealByCases(0, 1, 0, 0, 1, 1, 0, 0).at(
        p, np.ones(SHAPE), 0.5
    ),
    "components.label_components": lambda p: components.label_components(p, 0.5),
    "components.Foreground.from_probability": lambda p: components.Foreground.from_probability(p).label(0.3),
    "hierarchy.Hierarchy.from_map": lambda p: hierarchy.Hierarchy.from_map(p, 0.05).cut(0.5)[0],
    "curvas.consensus_confidence": lambda p: curvas.consensus_confidence(p, [MASK, OTHER]),
    "curvas.top_label_ece": lambda p: curvas.top_label_ece(p, [MASK, OTHER]),
    "curvas.thresholded_soft_dice": lambda p: curvas.thresholded_soft_dice(p, [MASK, OTHER]),
    "curvas.score": lambda p: curvas.score(p, [MASK, OTHER], ONES),
    "voxel.binary_entropy": lambda p: voxel.binary_entropy(p),
    "voxel.negated_confidence": lambda p: voxel.negated_confidence(p),
    "voxel.MapAccumulator": lambda p: accumulated(voxel.MapAccumulator, p, P),
    "voxel.divergence_maps": lambda p: voxel.divergence_maps([p, P], accumulated(voxel.MapAccumulator, P, P)),
    "lesion.lesion_structural_uncertainty": lambda p: lesion.lesion_structural_uncertainty(
        LABELS, [p, P], 0.5
    ),
    "lesion.each_member": lambda p: lesion.each_member(LABELS, [p]),
    "lesion_agreement.lesion_agreement": lambda p: lesion_agreement.lesion_agreement(LABELS, [p, P], 0.5),
    "patient.patient_uncertainty": lambda p: patient.patient_uncertainty(p, Members(WHOLE, P[None]), 0.5),
    "patient.measure_load": lambda p: patient.measure_load(p, Members(WHOLE, P[None]), 0.5, 0, 1.0),
    "members.Members": lambda p: patient.patient_uncertainty(P, Members(WHOLE, [p, p]), 0.5),
    "lesion_ranking.rank_lesions": lambda p: ranking.rank_lesions(
        make_prediction(p, P[None], grid=GRID, entropy=P), 0.5, 0
    ),
    "against_raters.against_raters": lambda p: against_raters.against_raters(
        p, P, LABELS, [0.1, 0.2], [MASK, OTHER], ONES, threshold=0.5
    ),
}
CLASSES = {
    "classes.ClassAccumulator": lambda p: accumulated(classes.ClassAccumulator, p, two(P)),
    "classes.entropy": lambda p: classes.entropy(p),
    "classes.renyi_entropy": lambda p: classes.renyi_entropy(p),
    "vector.apply": lambda p: vector.VectorScaling((0.5, 0.5), (0.0, 0.0), 0.0, 0.0).apply(p),
    "vector.fit_vector": lambda p: vector.fit_vector(p, MASK * 1, one_temperature=True).scale,
    "scores.brier of classes": lambda p: scores.brier(p, MASK * 1),
    "scores.nll of classes": lambda p: scores.nll(p, MASK * 1),
}
MASKS = {
    "reliability.against": lambda m: reliability.Binned.from_probability(P).against(m),
    "reliability.reliability": lambda m: reliability.reliability(P, m),
    "reliability.reliability region": lambda m: reliability.reliability(P, MASK, region=m),
    "scores.brier": lambda m: scores.brier(P, m),
    "scores.nll region": lambda m: scores.nll(P, MASK, region=m),
    "scores.top_label": lambda m: scores.top_label(P, m),
    "evidence.Evidence.of": lambda m: evidence.ProbabilityHistogram.from_probability(P, m),
    "recalibration.apply region": lambda m: TEMPERATURE.apply(P, region=m),
    "thresholds.best_dice": lambda m: thresholds.best_dice(P, m),
    "thresholds.dice_curve": lambda m: thresholds.dice_curve(P, m),
    "risks.Losses.from_case": lambda m: risks.Losses.from_case(P, m, np.arange(1, 10) / 10),
    "record.measures_of": lambda m: record.measures_of(P, P, m, 1.0),
    "region.Region.mask": lambda m: region.Region("lesions").mask(MASK, m, ONES),
    "region.Region.inside": lambda m: region.Region("mask", inside=m).mask(MASK, MASK, ONES),
    "region.lesion_reliability": lambda m: region.lesion_reliability([(LABELS, [0.2, 0.7])], m),
    "boxes.bounding_box": lambda m: _boxes.bounding_box(m),
    "components.label_mask": lambda m: components.label_mask(m),
    "components.neighbourhood": lambda m: components.neighbourhood(m, ONES, 1.5),
    "matching.dice": lambda m: matching.dice(m, MASK),
    "matching.lesions_touching": lambda m: matching.lesions_touching(LABELS, m, 2),
    "agreement.pairwise_dice": lambda m: agreement.pairwise_dice([m, MASK]),
    "agreement.SurfaceDistances": lambda m: agreement.SurfaceDistances.between([m, MASK], ONES).mean(),
    "agreement.cohen_kappa": lambda m: agreement.cohen_kappa([MASK, OTHER], region=m),
    "agreement.fleiss_kappa": lambda m: agreement.fleiss_kappa([m, OTHER]),
    "agreement.deviations": lambda m: agreement.deviations([MASK, OTHER], ONES, consensus=m),
    "consensus.as_masks": lambda m: consensus.as_masks([m, MASK]),
    "consensus.joint_box": lambda m: consensus.joint_box([m]),
    "consensus.majority": lambda m: consensus.majority([m, MASK, OTHER]),
    "consensus.soft_mean": lambda m: consensus.soft_mean([m, MASK]),
    "consensus.staple": lambda m: consensus.staple([m, MASK]),
    "consensus.consensus_regions": lambda m: consensus.consensus_regions([m, MASK]),
    "consensus.disagreement": lambda m: consensus.disagreement([m, MASK]),
    "consensus.flat_within": lambda m: consensus.flat_within(MASK[None], m),
    "consensus.combined_sources": lambda m: consensus.combined_sources(m, MASK),
    "curvas.consensus_dice": lambda m: curvas.consensus_dice(m, [MASK, MASK]),
    "curvas.top_label_ece region": lambda m: curvas.top_label_ece(P, [MASK], region=m),
    "correspondence.voxel_correspondence": lambda m: correspondence.voxel_correspondence(P, P * 2, m),
    "correspondence.lesion_uncertainty_sources": lambda m: correspondence.lesion_uncertainty_sources(
        LABELS, [0.2, 0.9], [m, MASK], 0.5
    ),
    "report.report_raters": lambda m: report.report_raters([m, MASK], ("a", "b"), ONES).fleiss,
    "simulate.simulate_raters": lambda m: simulate.simulate_raters(m, ONES, 2),
    "patient.patient_structural_uncertainty": lambda m: patient.patient_structural_uncertainty(m, [MASK]),
    "patient.patient_average": lambda m: patient.patient_average(P, m),
    "patient.mask_load": lambda m: patient.mask_load(m, 0, 1.0),
    "retention.voxel_retention": lambda m: retention.voxel_retention(m, MASK, P, points=5),
    "retention.voxel_retention reference": lambda m: retention.voxel_retention(MASK, m, P, points=5),
    "retention.lesion_retention": lambda m: retention.lesion_retention(P, m, points=5),
    "retention.auroc": lambda m: retention.auroc(P, m),
    "referral.average_precision": lambda m: referral.average_precision(P, m),
    "referral.discarded_area": lambda m: referral.discarded_area(P.ravel(), np.ravel(m)),
}
PREDICTION = make_prediction(P, P[None], variance=P, mutual_information=P)
LABELLED = {
    "lesion.lesion_structural_uncertainty": lambda x: lesion.lesion_structural_uncertainty(x, [P], 0.5),
    "lesion.lesion_mean": lambda x: lesion.lesion_mean(x, P),
    "lesion.lesion_sum": lambda x: lesion.lesion_sum(x, P),
    "lesion.lesion_maximum": lambda x: lesion.lesion_maximum(x, P),
    "lesion.lesion_logsum": lambda x: lesion.lesion_logsum(x, P),
    "lesion_agreement.lesion_agreement": lambda x: lesion_agreement.lesion_agreement(x, [P, P], 0.5),
    "lesion_details.lesion_details": lambda x: details.lesion_details(PREDICTION, x, 0.5).drop(
        columns="label"
    ),
    "matching.detections": lambda x: matching.detections(x, LABELS),
    "matching.match_lesions": lambda x: matching.match_lesions(x, LABELS),
    "correspondence.lesion_uncertainty_sources": lambda x: correspondence.lesion_uncertainty_sources(
        x, [0.2, 0.9], [MASK], 0.5
    ),
    "region.lesion_reliability": lambda x: region.lesion_reliability([(x, [0.2, 0.7])], MASK),
    "against_raters.against_raters": lambda x: against_raters.against_raters(
        P, P, x, [0.1, 0.2], [MASK, OTHER], ONES, threshold=0.5
    ),
}
NUMBERS = {
    "retention.voxel_retention": lambda u: retention.voxel_retention(MASK, OTHER, u, points=5),
    "retention.lesion_retention": lambda u: retention.lesion_retention(u, MASK, points=5),
    "retention.patient_retention": lambda u: retention.patient_retention(u, P, points=5),
    "retention.auroc": lambda u: retention.auroc(u, MASK),
    "referral.risk_coverage": lambda u: referral.risk_coverage(np.ravel(u), P.ravel()),
    "referral.average_precision": lambda u: referral.average_precision(u, MASK),
    "referral.discarded_area": lambda u: referral.discarded_area(np.ravel(u), MASK.ravel()),
    "consensus.uncertainty_sources": lambda u: consensus.uncertainty_sources(u, P, uncertainty_above=0.5),
    "correspondence.correspondence": lambda u: correspondence.correspondence(u, P),
    "correspondence.voxel_correspondence": lambda u: correspondence.voxel_correspondence(u, P, MASK),
    "lesion.lesion_mean": lambda u: lesion.lesion_mean(LABELS, u),
    "lesion.lesion_sum": lambda u: lesion.lesion_sum(LABELS, u),
    "lesion.lesion_maximum": lambda u: lesion.lesion_maximum(LABELS, u),
    "curvas.volume_crps": lambda u: curvas.volume_crps(1.0, np.ravel(u)),
    "curvas.member_crps": lambda u: curvas.member_crps(np.ravel(u), 1.0),
    "curvas.member_rank": lambda u: curvas.member_rank(np.ravel(u), 0.5),
    "agreement.intraclass_correlation": lambda u: agreement.intraclass_correlation(np.reshape(u, (12, 5))),
    "lesion_ranking.rank_lesions": lambda u: ranking.rank_lesions(
        make_prediction(P, P[None], grid=GRID, entropy=u, mutual_information=u), 0.5, 0
    ),
}
INNER = {
    "raters.kappa": {"kappa_of_counts"},  # of counts that were made behind the gate
    # what was counted, cut or found before by a door above, never a caller's image
    "calibration.probability_histogram": {"locate", "look_up", "table", "edges_of_bins"},
    "calibration.logistic": {"logistic_regression"},
    "calibration.recalibration": {"loss"},
    "calibration.reliability": {"bins_of", "wilson_band"},
    "calibration.record": {"out_of_range"},
    "calibration.thresholds": {"increasing"},
    "calibration.conformal": {"hoeffding_bentkus", "control_mean", "control_with_confidence"},
    "lesions.sections": {"largest_section"},
    "lesions.matching": {"pairs_in_common", "best_overlaps", "adjusted_overlaps"},
    "raters.agreement": {"mean_agreement", "mean_with_others"},
    "uncertainty.lesion": {"member_overlaps", "one_each"},
    "uncertainty.lesion_statistics": {"measure_lesions"},
    "uncertainty.lesion_numbers": {"in_rows", "worth_a_number"},
    "uncertainty.member_lesions": {"positions_in"},
    "uncertainty.patient": {"layer_agreement"},
}
REAL = [np.dtype(c) for c in "?bBhHiIlLqQefdg"] + [np.dtype(">f4"), np.dtype(">f8"), np.dtype(">i2")]


def flat(result):
    """All numbers of an answer."""
    if is_dataclass(result):
        return [x for f in fields(result) for x in flat(getattr(result, f.name))]
    if isinstance(result, pd.DataFrame):
        return flat([result[c].to_numpy() for c in result])
    if isinstance(result, dict):
        return flat(list(result.values()))
    if isinstance(result, slice):
        return [np.array([result.start, result.stop], float)]
    if isinstance(result, (tuple, list)):
        return [x for part in result for x in flat(part)]
    return [np.asarray(result, float)] if not isinstance(result, (str, np.dtype)) else []


def same(one, other, atol=1e-5):
    ours, theirs = flat(one), flat(other)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, atol=atol, rtol=1e-4)


def dressed(values, kind):
    """The same values as another kind of array."""
    layouts = {
        "fortran": np.asfortranarray,
        "read only": lambda x: (x.setflags(write=False), x)[1],
        "strided": lambda x: np.repeat(x, 2, axis=0)[::2],
        "list": lambda x: x.tolist(),
        "nothing masked": lambda x: np.ma.masked_array(x, mask=False),
        "C": lambda x: x,
    }
    return layouts[kind](values.copy())


LAYOUTS = st.sampled_from(["C", "fortran", "read only", "strided", "list", "nothing masked"])
SETTINGS = settings(
    deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def no_numbers(values):
    """Kinds that are no real numbers, or lack some."""
    masked = np.ma.masked_array(values, mask=np.zeros(values.shape, bool))
    masked[(0,) * values.ndim] = np.ma.masked
    return [values.astype(complex), values.astype(object), values.astype(str), masked]


def with_one(values, number):
    out = values.astype(float)
    out[(0,) * out.ndim] = number
    return out


def refused(call, *inputs):
    for value in inputs:
        with pytest.raises(InputError):
            call(value)


@pytest.mark.parametrize("name", PROBABILITIES)
@SETTINGS
@given(dtype=st.sampled_from(REAL), layout=LAYOUTS, hard=st.booleans())
def test_probabilities(name, dtype, layout, hard):
    call = PROBABILITIES[name]
    if hard or dtype.kind != "f":
        same(call(dressed(HARD.astype(dtype), layout)), call(HARD))
    else:
        values = P.astype(dtype)
        same(call(dressed(values, layout)), call(values.astype(float)), atol=1e-3 if dtype == "e" else 1e-5)


@pytest.mark.parametrize("name", PROBABILITIES)
def test_no_probabilities(name):
    call = PROBABILITIES[name]
    bad = [with_one(P, x) for x in (np.nan, np.inf, -0.01, 1.01, 1 + 1e-5, -1e-5)]
    refused(call, *no_numbers(P), *bad, (P * 255).astype(np.uint8), (HARD * 255).astype(np.uint8), HARD - 1)
    same(call(with_one(P, 1 + 1e-7)), call(with_one(P, 1.0)))
    same(call(with_one(P, -1e-7)), call(with_one(P, 0.0)))


@pytest.mark.parametrize("name", CLASSES)
def test_classes(name):
    call = CLASSES[name]
    good = two(P)
    for dtype in ("f4", "f8", ">f4", "g"):
        same(call(good.astype(dtype)), call(good))
    same(call(two(np.round(P * 8) / 8).astype("e")), call(two(np.round(P * 8) / 8)))
    out_of_bounds = good.copy()
    out_of_bounds[:, 0, 0, 0] = 1.0005, -0.0005
    refused(call, *no_numbers(good), out_of_bounds, good * 0.9, good[:1], (good * 255).astype(np.uint8))


@pytest.mark.parametrize("name", MASKS)
@SETTINGS
@given(dtype=st.sampled_from(REAL), layout=LAYOUTS, lesion=st.sampled_from([1, 2, 127, 255]))
def test_masks(name, dtype, layout, lesion):
    call = MASKS[name]
    if dtype == "b" and lesion == 255:
        lesion = 100
    same(call(dressed((OTHER * lesion).astype(dtype), layout)), call(OTHER))


@pytest.mark.parametrize("name", MASKS)
def test_no_masks(name):
    bad = [with_one(OTHER, x) for x in (np.nan, np.inf, 0.5, -1)]
    refused(MASKS[name], *no_numbers(OTHER), *bad, P, -(OTHER.astype(np.int8)))


@pytest.mark.parametrize("name", LABELLED)
@SETTINGS
@given(
    dtype=st.sampled_from(REAL[1:]),
    layout=LAYOUTS,
    numbers=st.sampled_from([(1, 2), (1, 3), (4, 100), (2, 127)]),
)
def test_labels_with_and_without_gaps(name, dtype, layout, numbers):
    call = LABELLED[name]
    values = np.array([0, *numbers])[LABELS].astype(dtype)
    same(call(dressed(values, layout)), call(LABELS))


@pytest.mark.parametrize("name", LABELLED)
def test_no_labels(name):
    bad = [with_one(LABELS, x) for x in (np.nan, np.inf, 0.5, -1)]
    refused(LABELLED[name], *no_numbers(LABELS), *bad, -(LABELS.astype(np.int8)))


@pytest.mark.parametrize("name", NUMBERS)
@SETTINGS
@given(dtype=st.sampled_from(REAL), layout=LAYOUTS)
def test_numbers(name, dtype, layout):
    values = (P if dtype.kind == "f" else np.round(P * (1 if dtype.kind == "b" else 9))).astype(dtype)
    same(NUMBERS[name](dressed(values, layout)), NUMBERS[name](values.astype(float)))


@pytest.mark.parametrize("name", NUMBERS)
def test_no_numbers(name):
    refused(NUMBERS[name], *no_numbers(P), with_one(P, np.nan), with_one(P, np.inf))


def test_no_door_is_forgotten():
    known = {name.split(" ")[0] for table in TABLES for name in table}
    for room in ("uncertainty", "calibration", "raters", "lesions"):
        package = importlib.import_module(f"{napari_uncertainseg.__name__}.{room}")
        for info in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            module = importlib.import_module(info.name)
            for name, function in inspect.getmembers(module, inspect.isfunction):
                if function.__module__ != info.name or name.startswith("_"):
                    continue
                of_arrays = any(
                    kind in str(p.annotation)
                    for p in inspect.signature(function).parameters.values()
                    for kind in ("ndarray", "Array", "Raters")
                )
                short = info.name.rsplit(".", 1)[1]
                inner = name in INNER.get(f"{room}.{short}", ())
                assert not of_arrays or inner or f"{short}.{name}" in known, f"{short}.{name}"


TABLES = (PROBABILITIES, CLASSES, MASKS, LABELLED, NUMBERS)


@pytest.mark.parametrize("shape", [(0, 4, 5), (0,), ()])
def test_nothing_and_single_numbers(shape):
    p, mask = np.zeros(shape), np.zeros(shape, bool)
    for call in (
        lambda: scores.brier(p, mask),
        lambda: reliability.reliability(p, mask).count,
        lambda: thresholds.dice_curve(p, mask),
        lambda: matching.dice(mask, mask),
        lambda: voxel.binary_entropy(p),
        lambda: accumulated(voxel.MapAccumulator, p).mean,
        lambda: patient.patient_structural_uncertainty(mask, [mask]),
        lambda: evidence.ProbabilityHistogram.from_probability(p, mask).lesion,
        lambda: TEMPERATURE.apply(p),
    ):
        call()
    for refuse in (components.label_mask, _boxes.bounding_box):
        if len(shape) != 3:
            refused(refuse, mask)
    if len(shape) != 3:
        refused(lambda x: components.label_components(x, 0.5), p)
        refused(lambda x: risks.Losses.from_case(x, mask), p)
        refused(lambda x: matching.match_lesions(x, mask), mask)


@pytest.mark.parametrize("value", [np.nan, np.inf, "0.5", None, [0.5]])
def test_no_thresholds(value):
    for call in (
        lambda t: components.label_components(P, t),
        lambda t: lesion.lesion_structural_uncertainty(LABELS, [P, P], [t, 0.5]),
        lambda t: patient.patient_uncertainty(P, Members(WHOLE, P[None]), [0.5, t]),
        lambda t: thresholds.counts_at_least(P, [0.1, t]),
    ):
        refused(call, value)
    with pytest.raises(InputError):
        conformal.control_mean(np.zeros((9, 2)), [0.1, value], 0.2)


def test_threshold_rule_on_every_type():
    decimals = np.round(np.arange(1, 100) / 100, 2)
    for t in decimals:
        for kind in (np.float32, np.float64):
            here = np.array([t, np.nextafter(np.float32(t), np.float32(0))], kind)
            assert at_least(here, t).tolist() == [True, False]
            assert at_least(here, np.float64(t)).tolist() == [True, False]
            assert at_least(here, np.float32(t)).tolist() == [True, False]
