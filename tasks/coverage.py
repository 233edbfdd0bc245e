"""Coverage of the landing's plans on its newest day, for an engineer. Reads no event, no register, no database."""

from pathlib import Path

from tasks.errors import StorageUnavailable
from tasks.events.formats import Formats
from tasks.landing_check import LandingCheck
from tasks.mobility.confusion import confusion
from tasks.mobility.coverage import Coverage
from tasks.mobility.coverage_map import coverage_svg
from tasks.mobility.coverage_report import CoverageReport, coverage_report
from tasks.mobility.plans import load_plans
from tasks.mobility.population import residents
from tasks.mobility.tiles import areas
from tasks.policy import Policy
from tasks.release import utc_now


def look(landing: Path, formats: Formats, policy: Policy) -> tuple[Coverage, CoverageReport]:
    """The coverage of the newest day that has a folder (without any, today), and what to know of it."""
    day = LandingCheck(landing, policy, formats, utc_now()).day
    plans = load_plans(landing, day, policy.time, formats)
    found, people = Coverage(plans), residents(landing, plans.zones)
    return found, coverage_report(plans, confusion(found), people, areas(plans.zones.geometries))


def draw(found: Coverage, path: Path) -> None:
    """Write the map; raises StorageUnavailable."""
    try:
        path.write_text(coverage_svg(found), encoding="utf-8")
    except OSError as error:
        raise StorageUnavailable(
            f"{path} cannot be written ({error.strerror}).", "Name another file.", "coverage.not_written"
        ) from None
