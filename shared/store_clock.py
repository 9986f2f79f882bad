"""Requests to the object store are dated, and it refuses a date that is more than 15 minutes off: a machine whose clock
is wrong could do nothing. So they are dated by the store's own clock, which every answer tells, once one was refused.
"""

import logging
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from minio import Minio, time
from minio.error import S3Error
from urllib3 import BaseHTTPResponse

logger = logging.getLogger(__name__)

REFUSED = 403
"""What a store answers where it does not like a date. A question for a head has no body that says why."""

TOLERATED = timedelta(minutes=5)
"""A third of what S3 tolerates; a request that was refused with a better date was refused for something else."""


class MinioOnTheStoresClock(Minio):
    """The SDK's client. Where this machine's clock is wrong, its requests are dated by the store's."""

    _ahead = timedelta()
    """By how much the store's clock is ahead of this machine's."""

    def _build_headers(self, *args: Any, **kwargs: Any) -> tuple[dict[str, Any], datetime]:
        headers, date = super()._build_headers(*args, **kwargs)
        date += self._ahead
        return {**headers, "x-amz-date": time.to_amz_date(date)}, date

    def _url_open(self, *args: Any, **kwargs: Any) -> BaseHTTPResponse:
        dated = self._ahead
        try:
            return super()._url_open(*args, **kwargs)
        except S3Error as error:
            ahead = _ahead_of(time.utcnow(), error.response)
            if ahead is None or abs(ahead - dated) <= TOLERATED:
                raise
            logger.warning("the object store's clock is %s ahead of this machine's; requests are dated by it", ahead)
            self._ahead = ahead
        return super()._url_open(*args, **kwargs)


def _ahead_of(now: datetime, answer: BaseHTTPResponse) -> timedelta | None:
    """By how much the clock of who refused a request is ahead; None where none was refused, or no date was told."""
    told = answer.headers.get("date")
    return parsedate_to_datetime(told) - now if answer.status == REFUSED and told else None
