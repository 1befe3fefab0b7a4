"""The errors genlab raises on purpose: one sentence each, fit to be shown to a visitor as it is."""


class GenlabError(Exception):
    """Base of all errors whose message is written for the person who caused them."""


class InvalidInput(GenlabError, ValueError):
    """A value is outside its range: the message names the field, the value and what is allowed."""


class CheckpointError(GenlabError):
    """A weights file is missing, truncated, altered or of another model."""


class Busy(GenlabError):
    """There is no room for another job now; the message says what to do."""


class JobFailed(GenlabError):
    """A job has ended without a result; the message is the job's own."""


class NotSaved(GenlabError):
    """A file cannot be written: the disk is full, or read-only."""


class DataUnavailable(GenlabError):
    """A data set cannot be had from any of its sources."""


class ModelUnavailable(GenlabError):
    """A model of the studio, or of the hub, cannot be had or does not run here; the message says why."""


class NotPublished(GenlabError):
    """A Space is not made or changed: its files would not do, or the hub refuses; the message says why."""
