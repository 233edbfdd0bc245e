"""TERMS.md in bytes: the terms of a product's deliveries to a client, equal for all periods until a term changes."""

import hashlib

from tasks.deliverable.markdown import template
from tasks.deliverable.statements import COMPOSITION, FORBIDDEN, IN_WORDS, PERMITTED, UNIT, published_by
from tasks.deliverable.view import GrantView, ReleaseView


def terms(release: ReleaseView, grant: GrantView) -> bytes:
    """The terms under which a client receives a product."""
    text = template("TERMS.md.jinja").render(
        release=release,
        grant=grant,
        published=published_by(grant.publisher),
        permitted=PERMITTED,
        forbidden=FORBIDDEN,
        unit=UNIT,
        in_words=IN_WORDS.format(guesses=release.privacy.month_cap_guesses),
        composition=COMPOSITION,
    )
    return text.encode()


def terms_sha256(release: ReleaseView, grant: GrantView) -> str:
    """By which a machine sees that the terms are those that somebody has read."""
    return hashlib.sha256(terms(release, grant)).hexdigest()
