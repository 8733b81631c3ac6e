"""Why something is in the review queue, in words."""

from flask_babel import LazyString, lazy_gettext

# The category of the message that carries the id of what was skipped.
SKIPPED_WORDS = "skipped"

REASONS: dict[str, LazyString] = {
    "missed": lazy_gettext("missed defect"),
    "false_call": lazy_gettext("false call"),
    "disagreement": lazy_gettext("models disagree"),
    "uncertain": lazy_gettext("near a limit"),
    "drift": lazy_gettext("drift"),
    "random": lazy_gettext("random sample"),
}
