"""Long work in the background: run once, watched by any number of viewers, kept for a while."""

from genlab.jobs.job import ACTIVE, Job, Look, State
from genlab.jobs.race import RaceWork
from genlab.jobs.store import JobStore
from genlab.jobs.training import Training, TrainingPlan, TrainingWork
from genlab.jobs.work import Work, Workshop

__all__ = [
    "ACTIVE",
    "Job",
    "JobStore",
    "Look",
    "RaceWork",
    "State",
    "Training",
    "TrainingPlan",
    "TrainingWork",
    "Work",
    "Workshop",
]
