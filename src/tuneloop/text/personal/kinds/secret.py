"""Keys, tokens and passwords: by the marks of those who issue them, or after words that announce one.

A password after 密码 or `password` must hold letters with digits or signs, so that `password reset` and 密码错误 stay.
"""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words

_MARKED = (
    r"sk-(?:[a-z]{2,12}-)?[A-Za-z0-9_-]{20,200}",  # OpenAI and those who copied its form
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS
    r"LTAI[A-Za-z0-9]{12,26}",  # Alibaba Cloud
    r"AKID[A-Za-z0-9]{32}",  # Tencent Cloud
    r"gh[pousr]_[A-Za-z0-9]{36,255}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"glpat-[A-Za-z0-9_-]{20,50}",  # GitLab
    r"hf_[A-Za-z0-9]{30,40}",  # Hugging Face
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"xox[abprs]-[A-Za-z0-9-]{10,200}",  # Slack
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,99}",  # Stripe
    r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{16,1000}",  # JSON web token
)
_PEM = r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----[A-Za-z0-9+/=\s:,-]{20,8000}?-----END [A-Z ]{0,20}PRIVATE KEY-----"
_IN_URL = r"(?<=://)[^\s:/@]{1,64}:[^\s:/@]{1,128}(?=@)"
_NAMED = (
    r"(?i:密码|口令|密钥|令牌|password|passwd|pwd|token|secret|api[_-]?key|access[_-]?key|bearer)"
    r"[\"']? {0,2}(?:[:=是为]|(?<=[Bb]earer) ) {0,2}[\"']?(?P<value>[A-Za-z0-9_!@#$%^&*+/=.~-]{6,200})"
)
_WORDY = re.compile(r"[0-9.]{1,9}[A-Za-z-]*|[A-Za-z_.-]+[0-9]{0,1}")  # 2048-dim, gpt-4, os.environ


_ISSUED = re.compile("|".join([*_MARKED, _PEM]))


class Secret(PersonalKind):
    title = Words("Key, token or password", "密钥、令牌与密码")
    help = Words(
        "Keys in the forms of known issuers, web tokens, private keys, passwords in addresses, and values after words "
        "such as password or 密码.",
        "常见平台格式的密钥、网页令牌、私钥、网址中的密码，以及“密码”“token”等字样之后的值。",
    )
    label = Words("SECRET", "密钥")
    hint = re.compile(
        "sk[-_]|A[KS]I|LTAI|gh[pousr]_|github_pat|glpat|hf_|AIza|xox|[rp]k_|eyJ|PRIVATE KEY|://[^ /@]*@"
        "|密码|口令|密钥|令牌|(?i:passw|pwd|token|secret|key|bearer)"
    )
    pattern = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(_MARKED)})(?![A-Za-z0-9])|{_PEM}|{_IN_URL}|{_NAMED}")
    _password = re.compile("密码|口令|pass|pwd", re.IGNORECASE)

    def judge(self, candidate: Candidate) -> float:
        value = candidate.value
        if _ISSUED.fullmatch(value):
            return 0.95
        if value.isdigit():
            return 0.7 if candidate.follows(self._password) and len(value) >= 6 else 0.0
        return 0.0 if _WORDY.fullmatch(value) else 0.8
