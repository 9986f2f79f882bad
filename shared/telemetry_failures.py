"""How a failure is told: with its reason, and without what the reason quotes."""

import re

from opentelemetry.trace import Span, Status, StatusCode

from shared.errors import Unrecoverable
from shared.retry import HandedOver, describe, one_line


def without_quotations(text: str) -> str:
    """The text with everything in quotation marks taken out: a reason may quote the script."""
    text = re.sub(r"“[^”]*”|«[^»]*»|\"[^\"]*\"", "“…”", text)
    return re.sub(r"(?<!\w)'[^']*'(?!\w)", "'…'", text)


def note_failure(span: Span, error: BaseException) -> dict[str, str]:
    """Put the failure on the span, in words that hold neither script nor secrets; the labels that tell of it."""
    if isinstance(error, HandedOver) or not isinstance(error, Exception):
        span.set_attribute("lockstep.outcome", "handed over")
        return {"outcome": "handed over"}
    reason = one_line(error.reason) if isinstance(error, Unrecoverable) else describe(error)
    reason, kind = without_quotations(reason), type(error).__name__
    span.add_event("exception", {"exception.type": kind, "exception.message": reason})
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, reason))
    return {"outcome": "failed", "error.type": kind}
