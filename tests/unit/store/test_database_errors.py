"""Every SQLSTATE that speaks of the server, its limits or its rights is somebody's to mend, not a defect in Throng."""

import inspect

import psycopg
from psycopg import errors
from sqlalchemy import exc

from tasks.errors import ThrongError
from tasks.store.database_errors import fault_of

OUTSIDE = ("08", "0A", "22021", "22P05", "25006", "25P03", "25P04", "28", "3D", "3F", "40", "42501", "42P01")
OUTSIDE_TOO = ("53", "55", "57", "58", "F0", "XX")
WRAPPED = (exc.InterfaceError, exc.OperationalError, exc.ProgrammingError, exc.IntegrityError, exc.DataError)


def _wrapped(error: psycopg.Error) -> exc.DatabaseError | exc.InterfaceError:
    names = {kind.__name__ for kind in type(error).__mro__}
    return next((kind("", {}, error) for kind in WRAPPED if kind.__name__ in names), exc.DatabaseError("", {}, error))


def test_each_state_of_the_server_has_somebody_who_can_act() -> None:
    kinds: set[type[psycopg.Error]] = {
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, psycopg.Error) and isinstance(getattr(kind, "sqlstate", None), str)
    }
    faults = {str(kind.sqlstate): fault_of("postgresql://db", _wrapped(kind("secret"))) for kind in kinds}
    told = {state: fault for state, fault in faults.items() if state.startswith(OUTSIDE + OUTSIDE_TOO)}
    assert len(told) > 40
    for state, fault in told.items():
        assert isinstance(fault, ThrongError), state
        assert fault.exit_code in (2, 40), state
        assert "secret" not in str(fault)


def test_a_violated_constraint_and_a_defect_of_ours_pass() -> None:
    for kind in (errors.UniqueViolation, errors.SyntaxError, errors.UndefinedColumn):
        assert fault_of("postgresql://db", _wrapped(kind(""))) is None
