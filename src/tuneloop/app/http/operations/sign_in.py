"""The page behind a sign-in link, in the reader's language.

The secret stands behind the `#`, which browsers send to nobody; asking for the page does not use the link up, as
programs that look at links before people do would.  The button does.
"""

from __future__ import annotations

import base64
import hashlib
from html import escape

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from tuneloop.app.http.languages import language_of
from tuneloop.app.http.security import everybody
from tuneloop.wording import Language, Words

router = APIRouter(tags=["operations"])

TITLE = Words("Sign in to tuneloop", "登录 tuneloop")
ONCE = Words("This link signs you in once.", "此链接只能登录一次。")
BUTTON = Words("Sign in", "登录")
OTHER: dict[Language, str] = {"en": "中文", "zh": "English"}
"""What the button to the other language says: that language's own name."""
NO_SCRIPT = Words("Signing in needs JavaScript: please switch it on.", "登录需要 JavaScript，请在浏览器中启用。")
TOLD = {
    "done": Words("You are signed in as {name}.", "已登录：{name}。"),
    "empty": Words(
        "The link is not whole: what stands behind its # is missing. Open all of it, or ask an admin for another.",
        "链接不完整：缺少 # 后面的部分。请打开完整链接，或请管理员重新生成。",
    ),
    "sign_in_refused": Words(
        "This link was used already, has expired or was never made. Ask an admin for another, or make one on the"
        " server: tuneloop keys link",
        "此链接已使用过、已过期或不存在。请管理员重新生成，或在服务器上运行：tuneloop keys link",
    ),
    "too_many_attempts": Words(
        "Too many attempts came from your address. The link is still good: try again in a minute.",
        "您所在地址的尝试次数过多。链接仍然有效，请一分钟后再试。",
    ),
    "away": Words(
        "The server does not answer now. The link is still good: try again in a moment.",
        "服务器暂时没有响应。链接仍然有效，请稍后再试。",
    ),
    "failed": Words("Signing in failed: {message}", "登录失败：{message}"),
}
"""What the script says, by the code of the error; it finds the sentences in the page."""

SCRIPT = """
const button = document.querySelector("button"), said = document.querySelector("output");
const words = document.body.dataset, link = location.hash.slice(1);
const say = (code, values) => {
  said.textContent = words[code].replace(/\\{(\\w+)\\}/g, (_, name) => values[name]);
  said.dataset.code = code;
};
document.querySelector("nav a").hash = location.hash;
button.hidden = !link;
if (!link) say("empty");
button.addEventListener("click", async () => {
  button.disabled = true;
  said.textContent = "";
  let answer, told;
  try {
    answer = await fetch("/api/session", {
      method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({link}),
    });
    told = await answer.json();
  } catch {}
  const again = !told || answer.status >= 500 || answer.status === 429;
  if (again) {
    button.disabled = false;
  } else {
    history.replaceState(null, "", location.pathname + location.search);
    button.hidden = true;
    document.querySelector("nav a").hash = "";
  }
  if (told && answer.ok) say("done", {name: told.person.name});
  else if (!told || answer.status >= 500) say("away");
  else if (words[told.error.code]) say(told.error.code);
  else say("failed", {message: told.error.message});
});
"""
STYLE = """
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 32rem; margin: 4rem auto; padding: 0 1rem;
  overflow-wrap: break-word }
nav { text-align: right }
h1 { font-size: 1.5rem; margin: 1rem 0 }
button { font: inherit; min-height: 2.75rem; padding: 0 1.5rem; cursor: pointer }
button:disabled { cursor: progress }
@media (max-width: 30rem) { body { margin-top: 1rem } button { width: 100% } }
"""


def _page(language: Language) -> str:
    told = "".join(f' data-{code}="{escape(words.to(language))}"' for code, words in TOLD.items())
    title = escape(TITLE.to(language))
    other = "en" if language == "zh" else "zh"
    return f"""<!doctype html>
<html lang="{"zh-CN" if language == "zh" else "en"}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{STYLE}</style>
<body{told}>
<nav><a href="?lang={other}" lang="{other}" hreflang="{other}">{OTHER[language]}</a></nav>
<main>
<h1>{title}</h1>
<p>{escape(ONCE.to(language))}</p>
<p><button type="button">{escape(BUTTON.to(language))}</button></p>
<p><output role="status"></output></p>
<noscript><p>{escape(NO_SCRIPT.to(language))}</p></noscript>
</main>
<script>{SCRIPT}</script>
</html>
"""


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; script-src {_hash(SCRIPT)}; style-src {_hash(STYLE)}; connect-src 'self'; base-uri 'none';"
    " object-src 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGES: dict[Language, str] = {"en": _page("en"), "zh": _page("zh")}


@router.get("/sign-in", dependencies=[everybody()], response_class=HTMLResponse)
def sign_in_page(request: Request, lang: str | None = None) -> HTMLResponse:
    """The page, in the language of `lang` or as the browser prefers."""
    language = language_of(request, lang)
    headers = {"content-security-policy": POLICY, "content-language": language, "vary": "accept-language"}
    return HTMLResponse(PAGES[language], headers=headers)
