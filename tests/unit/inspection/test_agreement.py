import numpy as np
import pytest

from inspection.agreement import measure_agreement, pair_components


def blank() -> np.ndarray:
    return np.zeros((120, 200), bool)


def test_the_same_masks_agree() -> None:
    mask = blank()
    mask[20:26, 10:110] = True
    mask[80:84, 30:190] = True
    pairing = pair_components(mask, mask.copy())
    assert (len(pairing.pairs), pairing.missed, pairing.extra) == (2, 0, 0)
    figures = measure_agreement([pairing])
    assert figures["median_iou"] == 1
    assert figures["length"] == {
        "median_relative_error": 0,
        "p90_relative_error": 0,
        "median_error_px": 0,
    }


def test_a_fat_mask_measures_too_much_by_both_its_edges() -> None:
    true, fat = blank(), blank()
    true[20:26, 10:110] = True
    fat[19:27, 9:111] = True
    figures = measure_agreement([pair_components(true, fat)])
    length, width = figures["length"], figures["mean_width"]
    assert isinstance(length, dict)
    assert isinstance(width, dict)
    assert width["median_error_px"] == pytest.approx(2, abs=0.05)
    assert width["median_relative_error"] == pytest.approx(2 / 6, abs=0.01)
    assert length["median_error_px"] == pytest.approx(2, abs=0.1)
    assert length["median_relative_error"] == pytest.approx(0.02, abs=0.002)


def test_each_component_is_paired_once_with_what_covers_it_best() -> None:
    true, predicted = blank(), blank()
    true[20:26, 10:110] = True
    predicted[20:26, 10:40] = True  # 0.3 of it
    predicted[20:26, 50:110] = True  # 0.6 of it
    true[60:66, 10:110] = True  # nobody found it
    predicted[90:96, 10:110] = True  # this is none
    predicted[110:112, 10:14] = True  # too small to measure
    pairing = pair_components(true, predicted)
    assert [pair.predicted.area_px for pair in pairing.pairs] == [360]
    assert (pairing.missed, pairing.extra) == (1, 2)
    figures = measure_agreement([pairing, pair_components(blank(), predicted)])
    assert (figures["components"], figures["matched"], figures["missed"]) == (2, 1, 1)
    assert figures["extra"] == 5


def test_what_overlaps_too_little_is_not_the_same_thing() -> None:
    true, predicted = blank(), blank()
    true[20:30, 10:110] = True
    predicted[28:38, 10:110] = True
    assert pair_components(true, predicted).pairs == ()
    assert len(pair_components(true, predicted, least_iou=0.1).pairs) == 1


def test_nothing_to_compare_has_no_figures() -> None:
    figures = measure_agreement([pair_components(blank(), blank())])
    assert figures["matched"] == 0
    assert figures["median_iou"] is None


def test_masks_are_of_one_size() -> None:
    with pytest.raises(ValueError, match="expected masks of one size"):
        pair_components(blank(), blank()[1:])
