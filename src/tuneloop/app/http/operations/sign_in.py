"""The page behind a sign-in link.

The secret stands behind the `#`, which browsers send to nobody; asking for the page does not use the link up, as
programs that look at links before people do would.  The button does.
"""

from __future__ import annotations

import base64
import hashlib

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from tuneloop.app.http.security import everybody

router = APIRouter(tags=["operations"])

SCRIPT = """
const button = document.querySelector("button"), said = document.querySelector("output");
button.addEventListener("click", async () => {
  button.disabled = true;
  const link = location.hash.slice(1);
  const answer = await fetch("/api/session", {
    method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({link}),
  });
  const told = await answer.json();
  history.replaceState(null, "", location.pathname);
  said.textContent = answer.ok ? `${told.person.name} ✓` : told.error.message;
});
"""
STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem }
button { font: inherit; padding: .5rem 1.5rem }
"""
PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>tuneloop · 登录 Sign in</title>
<style>{STYLE}</style>
<h1>tuneloop</h1>
<p>This link signs you in once. · <span lang="zh">此链接只能登录一次。</span></p>
<p><button>Sign in · <span lang="zh">登录</span></button></p>
<p><output></output></p>
<script>{SCRIPT}</script>
</html>
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; script-src {_hash(SCRIPT)}; style-src {_hash(STYLE)}; connect-src 'self'; base-uri 'none';"
    " object-src 'none'; form-action 'none'; frame-ancestors 'none'"
)


@router.get("/sign-in", dependencies=[everybody()], response_class=HTMLResponse)
def sign_in_page() -> HTMLResponse:
    return HTMLResponse(PAGE, headers={"content-security-policy": POLICY})
