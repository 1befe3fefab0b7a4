"""Numbers as people read them, for the page."""

from genlab.numbers import brief, count, duration, jsonable, millions, whole

__all__ = ["brief", "count", "duration", "jsonable", "millions", "whole"]
