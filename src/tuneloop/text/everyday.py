"""The characters that running East Asian text is mostly made of, to tell a right reading of bytes from a wrong one."""

from __future__ import annotations

# The most frequent characters of running text: about 70 % of Chinese, both scripts; misread text has under 20 %.
_SIMPLIFIED = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事"
    "成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此"
    "已工使情明性知全三又关点正业外将两高间由问很最重并物手应向头文体政美相见被利什二等产或新己制身果加西月话合回特代内信"
    "表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活更别打女变四神总何电数安少报才"
    "结反受目太量再感建务做接必场件计管期市直资命山金指许统区保至形社便空决展科司五基眼书非则听白界达光放强即像难且权思完"
    "设式色路记南品住告类求据程北边张该交规万取望觉术领共确传师观清今切院让识候带请谢吗吧呢您款单买卖钱客服病药医生怎哪谁"
)
_TRADITIONAL = (
    "這個們來為國說時會對發後裡樣學現當沒動進開從實軍無與長機關點業將兩間問戰頭體見產話給門員東聲處義條氣題變總電數報應論"
    "於著過還經麼種種們讓認識請謝嗎單買賣錢醫藥師觀確傳領術覺張邊據類記設則聽達強難權書區統資計場務運導爭帶華語視"
)
_KANA = "".join(map(chr, range(0x3041, 0x3094))) + "".join(map(chr, range(0x30A1, 0x30F7))) + "ー"
_HANGUL = (
    "이다는을의에가고하지한로나기도리사자인어아들있그해서라것대시수정은를일전부보스주제상장원게만구공성화여면요니습세안"
)
_MARKS = "，。！？、：；“”‘’（）《》「」『』【】—…·　～％"
EVERYDAY = frozenset(_SIMPLIFIED + _TRADITIONAL + _KANA + _HANGUL + _MARKS)


def share(text: str) -> float:
    """The share of characters that are everyday East Asian ones or ASCII (but not NUL); 0 for an empty text."""
    return sum((sign.isascii() and sign != "\0") or sign in EVERYDAY for sign in text) / max(len(text), 1)
