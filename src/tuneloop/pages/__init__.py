"""Reports as one HTML file each: no request to anywhere, both languages, light and dark, narrow and wide.

A stage brings the template of its page's middle, as a file beside its code; the shell, the style and the script that
switches language and theme are the same for all.  Everything that comes from data or models is escaped by the template,
and a content policy allows no script but the page's own, by its hash.

    {% extends "shell.html" %}
    {% from "words.html" import w, two, share, sized with context %}
    {% block main %} … {{ w(words) }} … {% endblock %}

Macros: `w(words)` prints Words, `two(en, zh)` a sentence in both languages, `share(interval)` a share and its interval,
`sized(pair)` a chart in its wide and its narrow form.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from tuneloop.wording import current_language

WIDE, NARROW = (1000, 320), (340, 260)
"""Sizes of each chart; the page shows the one that fits, so that its text is readable on a phone."""


def render(template: str, *, title: str, **values: Any) -> str:
    """The whole page as text; `template` is the source of its middle, `title` stands in the window's bar."""
    import jinja2
    from markupsafe import Markup

    from tuneloop import __version__

    # Sources are our own package's; autoescape covers every value that a template prints.
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({name: _own(name) for name in ("shell.html", "words.html")}),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    script = _own("script.js")
    return environment.from_string(template).render(
        language={"en": "en", "zh": "zh-CN"}[current_language()],
        policy=policy(script),
        style=Markup(_own("style.css")),
        script=Markup(script),
        version=__version__,
        title=title,
        **values,
    )


def policy(script: str) -> str:
    """No source for anything but the page's own style and the one script with this hash."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rest = "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return f"default-src 'none'; script-src 'sha256-{digest}'; {rest}"


def _own(name: str) -> str:
    return files("tuneloop.pages").joinpath(name).read_text(encoding="utf-8")
