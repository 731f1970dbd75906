"""The model, calibrated on two rows of each published column, comes near the others."""

from __future__ import annotations

import pytest

from mtelab.contention import Costs, calibration

RESIDUALS = calibration.residuals()


@pytest.mark.parametrize("row", RESIDUALS, ids=lambda row: f"{row.column}, {row.vcpus} vCPUs")
def test_rows_of_the_table(row: calibration.Residual) -> None:
    assert abs(row.error) <= (0.01 if row.fitted else 0.30)


def test_two_rows_of_each_column_are_fitted_and_the_others_are_not() -> None:
    columns = {row.column for row in RESIDUALS}
    assert columns == {"populate, before", "populate, after", "dirty, before", "dirty, after"}
    for column in columns:
        assert sum(row.fitted for row in RESIDUALS if row.column == column) == 2
    assert len(RESIDUALS) == 2 * 5 + 2 * 4


def test_the_default_costs_of_the_fault_path_come_from_it() -> None:
    populate, _, dirty, _ = (column.costs() for column in calibration.TABLE)
    costs = Costs()
    assert costs.map_block == pytest.approx(populate.map_block, rel=0.05)
    assert costs.zero_page * 512 == pytest.approx(populate.fault_path, rel=0.05)
    assert costs.map_page == pytest.approx(dirty.map_page, rel=0.05)
    assert costs.fault_path == pytest.approx(dirty.fault_path, rel=0.05)
