"""``python -m genlab.ui.translations``: what has no Korean yet, as JSON to be filled and put into ko.json.

Each section of ko.json is sorted by its keys, as ``sorted`` does. What the page is built with stands under
``page`` alone, though the sources say it too.
"""

from genlab.ui.app import build_app
from genlab.ui.translations import missing

print(missing(build_app()))
