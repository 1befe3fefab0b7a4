"""``python -m genlab.ui.translations``: what has no Korean yet, as JSON to be filled and put into ko.json."""

from genlab.ui.app import build_app
from genlab.ui.translations import missing

print(missing(build_app()))
