"""All places where bytes come in from outside."""

from __future__ import annotations

from tests.labs.campaign.fuzz import messages, models, page, recordings, settings, state

TARGETS = [
    *settings.TARGETS,
    *recordings.TARGETS,
    *models.TARGETS,
    *state.TARGETS,
    *messages.TARGETS,
    *page.TARGETS,
]
