"""Every model under one protocol, as measured."""

from genlab import leaderboard as boards
from genlab.api.families import SHIPPED
from genlab.library import Library


def leaderboard(*, library: Library = SHIPPED) -> boards.Board:
    """The board that ships: floor, and every model with means and spreads over its seeds, and its rows."""
    return boards.read(library.folder)
