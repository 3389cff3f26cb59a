"""Passwords and keys after the words that announce them, and those in addresses such as `postgres://bob:secret@host`.

A value must hold digits beside letters, or signs, so that `password reset`, `token limit 4096` and 密码错误 stay;
digits alone count after words for a password.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words

_WORDY = re.compile(r"[0-9.]{1,9}[A-Za-z-]*|[A-Za-z_.-]+[0-9]?")  # 2048-dim, gpt-4, os.environ


class Password(PersonalKind):
    title = Words("Password", "密码")
    help = Words(
        "A value after words such as password, token or 密码 and a colon, an equals sign or 是; user and password "
        "in an address.",
        "“密码”“口令”“token”等字样加冒号、等号或“是”之后的值，以及网址中的用户名和密码。",
    )
    label = Words("PASSWORD", "密码")
    words = ("密码", "口令", "密钥", "令牌", "passw", "pwd", "token", "secret", "key", "bearer", "://")
    digits = 0
    hint = re.compile("密码|口令|密钥|令牌|(?i:passw|pwd|token|secret|key|bearer)|://")
    reach = 64
    pattern = re.compile(
        r"(?<=://)[^\s:/@]{1,64}:[^\s:/@]{1,128}(?=@)"
        r"|(?i:密码|口令|密钥|令牌|password|passwd|pwd|token|secret|api[_-]?key|access[_-]?key|bearer)"
        r"[\"']?(?: {0,2}(?:[:=是为]|(?<=[Bb]earer) | is (?=[^\s]*[0-9])) {0,2}"
        r"|(?<=密码) (?=[^\s]*[0-9]))[\"']?(?P<value>[A-Za-z0-9_!@#$%^&*+/=.~-]{5,199}[A-Za-z0-9_!@#$%^&*+/=~-])"
    )
    _digits_too = re.compile("密码|口令|pass|pwd", re.IGNORECASE)

    def judge(self, candidate: Candidate) -> float:
        value = candidate.value
        if value.isdigit():
            return 0.9 * candidate.follows(self._digits_too)
        return 0.0 if _WORDY.fullmatch(value) else 0.8
