"""Work for a center, so that its figures have something to show: a few applications of the story, to their end."""

from __future__ import annotations

from datetime import timedelta

from deploy.launcher.story.acts import Story
from deploy.launcher.story.play import new_story, play
from deploy.launcher.story.script import Application, applications, in_hours
from tests.center import WholeCenter

GRANTED, CORRECTED, LEAD = 1, 5, "urban_management"
OCCUPATION = {
    "area_m2": "120", "starts_on": "2026-02-10", "ends_on": "2026-03-27", "days": 45, "zone": "2", "use": "other",
}  # fmt: skip


def occupation(number: int, center: WholeCenter, story: Story) -> Application:
    """A road occupation that is granted and paid: ``number`` stands above 1000."""
    arrives = in_hours(center.now + timedelta(hours=1), story.working_day)
    return Application(number, "road-occupation", "applicant-01", "online", arrives, 0.3, OCCUPATION)


def work(center: WholeCenter, thousands: int) -> tuple[Story, int]:
    """Two applications to their end, one of them corrected; the story and the number of the granted one."""
    story, _ = new_story(center.cast)
    told = {plan.number: plan for plan in applications(story.working_day)}
    granted = occupation(1000 * thousands + GRANTED, center, story)
    corrected = told[CORRECTED]
    plans = [
        granted,
        Application(
            1000 * thousands + CORRECTED, corrected.item_code, corrected.applicant, "online", granted.arrives_at,
            0.3, corrected.facts,
        ),
    ]  # fmt: skip
    center.run(play(center.center.clock, story, plans))
    center.settle()
    assert story.notes == []
    return story, granted.number
