"""Roles of columns, guessed from their names and, where names tell nothing, from the forms of their values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from tasks.events import value_shapes
from tasks.events.formats.columns import Column, trimmed
from tasks.events.formats.detect import Typed

_NAMES: Mapping[str, str] = {
    "subscriber": "subscriberid subscriber msisdn imsi userid user aparty anumber callingnumber caller callerid"
    " customerid customer simid sim phone phonenumber mobilenumber rufnummer teilnehmer teilnehmerid hashedid deviceid",
    "time": "eventat datetime timestamp eventtime time starttime callstart startdate begin eventtimestamp ts zeitpunkt"
    " zeitstempel datumuhrzeit datumzeit",
    "date": "date datum day tag eventdate calldate",
    "clock": "clock uhrzeit zeit timeofday hour time calltime",
    "cell": "cellid cell locationid cgi ecgi ci cid eci cellcode celle zelle zellid funkzelle bts btsid siteid towerid"
    " antennaid",
    "latitude": "latitude lat breite breitengrad ycoord",
    "longitude": "longitude lon lng long laenge laengengrad xcoord",
    "mcc": "mcc",
    "net": "net mnc network",
    "area": "area lac tac",
    "valid_from": "validfrom validdatestart start from gueltigab",
    "valid_to": "validto validdateend end until to gueltigbis",
    "azimuth": "azimuth azimuthangle azimut azimuthdeg bearing heading hauptstrahlrichtung",
    "beam_width": "beamwidth horizontalbeamwidth hbeamwidth hbw hpbw halfpowerbeamwidth oeffnungswinkel",
    "height_m": "heightm antennaheight height antennaheightm antennenhoehe hoehe",
    "power_w": "powerw power powerwatt txpowerw leistung sendeleistung",
    "range_m": "rangem range reichweite",
    "technology": "technology radio rat tech technik technologie",
    "birth_year": "birthyear yearofbirth yob birthdate dateofbirth geburtsjahr jahrgang",
    "gender": "gender sex geschlecht",
    "segment": "segment customersegment kundensegment contracttype",
    "home_mcc": "homemcc mcc homenetwork",
    "active_from": "activefrom activefromdate contractstart since aktivab aktivseit",
    "purpose": "purpose zweck usage consentpurpose",
    "granted_at": "grantedat granted consentdate optin optinat optindate consentedat erteiltam",
    "withdrawn_at": "withdrawnat withdrawn revokedat revoked optout optoutat optoutdate widerrufenam",
    "channel": "channel kanal source",
    "text_version": "textversion version termsversion textfassung",
    "residents": "residents",
}
"""Each role's names, without case, blanks and punctuation; the first that is there is taken."""

_NAME = re.compile(r"[^\W\d][\w .()/#-]{0,40}")
_IDS = re.compile(r"\+?[9a]{8,}|[9a]{8}(-[9a]+){3,}.*")
_DEGREES = re.compile(r"-?9{1,3}[.,]9{2,}")
COMMA = re.compile(r"-?9{1,3},9+")
"""The form of a number with a decimal comma."""
_MOST_DIGITS = 3


@dataclass(frozen=True)
class SampledColumn:
    """A column of a sample: what it may be called, its commonest form, and how many values differ."""

    column: Column
    name: str
    """The file's own name, to be written into a mapping; shown only if `safe`."""
    shown: str
    form: str | None
    distinct: int

    @property
    def words(self) -> str:
        """SQL of its values as text without blanks around them."""
        return trimmed(as_text(self.column))

    @property
    def type(self) -> str:
        """Its DuckDB type; names within one may be a row's values."""
        return self.column.type.partition("(")[0].strip('"').lower()


def look_at(con: duckdb.DuckDBPyConnection, columns: Typed, named: bool) -> tuple[SampledColumn, ...]:
    """Each column of the table `sampled`; where the first line names no columns, they are shown by their number."""
    found = []
    for place, (name, type_) in enumerate(columns):
        column, shown = Column(f"c{place}", type_), name if named and is_name(name) else f"column {place + 1}"
        text = as_text(column)
        form = value_shapes.commonest_shape(con, "sampled", text)
        distinct = con.execute(f"SELECT count(DISTINCT {text}) FROM sampled").fetchall()[0][0]
        found.append(SampledColumn(column, name, shown, form, distinct))
    return tuple(found)


def as_text(column: Column) -> str:
    """SQL of a column's values as they are shown in forms."""
    return f"CAST({column.written()} AS VARCHAR)"


def is_name(text: str) -> bool:
    """Whether a text may be shown as a column's name: nothing that could be an id, an address or a number."""
    return bool(_NAME.fullmatch(text)) and sum(sign.isdecimal() for sign in text) <= _MOST_DIGITS


def is_header(names: Sequence[str], values: Sequence[str | None]) -> bool:
    """Whether a first line names columns: all could be names, and one is known, or unlike the values below it."""
    if not all(map(is_name, names)):
        return False
    known = {each for words in _NAMES.values() for each in words.split()}
    unlike = any("9" in (form or "") and not re.search(r"\d", name) for name, form in zip(names, values, strict=True))
    return unlike or any(_folded(name) in known for name in names)


def by_name(looks: Sequence[SampledColumn], roles: Sequence[str]) -> dict[str, SampledColumn]:
    """The column of each role that has one by its name; no column has two roles, earlier roles go first."""
    names = {_folded(look.name): look for look in reversed(looks)}
    found: dict[str, SampledColumn] = {}
    for role in roles:
        there = (names[word] for word in _NAMES[role].split() if word in names)
        chosen = next((look for look in there if look not in found.values()), None)
        if chosen:
            found[role] = chosen
    return found


def by_form(looks: Sequence[SampledColumn], roles: Mapping[str, SampledColumn]) -> dict[str, SampledColumn]:
    """Subscriber, cell and coordinates by the look of values, where names do not identify them."""
    found, free = dict(roles), [look for look in looks if look not in roles.values() and look.form]
    degrees = [look for look in free if _DEGREES.fullmatch(look.form or "")]
    if "latitude" not in found and len(degrees) > 1:
        found |= {"latitude": degrees[0], "longitude": degrees[1]}
    free = sorted((look for look in free if look not in degrees), key=lambda look: -look.distinct)
    ids = [look for look in free if _IDS.fullmatch(look.form or "")]
    if "subscriber" not in found and ids:
        found["subscriber"] = ids[0]
    rest = [look for look in free if look not in found.values() and look.distinct > 1]
    if "cell" not in found and rest:
        found["cell"] = rest[0]
    return found


def _folded(name: str) -> str:
    plain = name.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")
    return re.sub(r"[^a-z0-9]", "", plain)
