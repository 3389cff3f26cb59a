"""Keys and tokens, by the marks of those who issue them."""

from __future__ import annotations

import re

from tuneloop.text.personal.kind import Candidate, PersonalKind
from tuneloop.wording import Words

_MARKED = (
    r"sk-(?:[a-z]{2,12}-)?[A-Za-z0-9_-]{20,200}",  # OpenAI and those who took over its form
    r"(?:AKIA|ASIA)[A-Z0-9]{16}",  # AWS
    r"LTAI[A-Za-z0-9]{12,26}",  # Alibaba Cloud
    r"AKID[A-Za-z0-9]{32}",  # Tencent Cloud
    r"gh[pousr]_[A-Za-z0-9]{36,255}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"glpat-[A-Za-z0-9_-]{20,50}",  # GitLab
    r"hf_[A-Za-z0-9]{30,40}",  # Hugging Face
    r"npm_[A-Za-z0-9]{36}",
    r"AIza[A-Za-z0-9_-]{35}",  # Google
    r"xox[abprs]-[A-Za-z0-9-]{10,200}",  # Slack
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,99}",  # Stripe
    r"eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{16,1000}",  # JSON web token (RFC 7519)
)


class Secret(PersonalKind):
    title = Words("Key or token", "密钥与令牌")
    help = Words(
        "Keys in the forms of known issuers (cloud, model and code platforms) and JSON web tokens.",
        "常见云平台、模型平台和代码平台格式的密钥，以及 JSON 网页令牌。",
    )
    label = Words("SECRET", "密钥")
    words = (
        "sk-", "sk_", "rk_", "pk_", "akia", "asia", "ltai", "akid", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
        "github_pat_", "glpat-", "npm_", "hf_", "aiza", "xox", "eyj",
    )  # fmt: skip
    hint = None
    digits = 0
    pattern = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(_MARKED)})(?![A-Za-z0-9])")

    def judge(self, candidate: Candidate) -> float:
        value = (
            candidate.value
        )  # sk-learn-contrib-some-long-name has no digit, some keys of letters only have both cases
        return 0.95 if candidate.digits or value[:4] == "AKIA" or not (value[4:].islower() or value.isupper()) else 0.0
