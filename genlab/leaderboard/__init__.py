"""Every model under one protocol: measured by one command, read by the README and the page."""

from genlab.leaderboard.board import Board, path_of, read
from genlab.leaderboard.entries import Entry, entries

__all__ = ["Board", "Entry", "entries", "path_of", "read"]
