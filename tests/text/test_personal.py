"""Personal data: found glued to Chinese, checked by checksums, and not seen where there is none."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneloop.text.personal import Finder
from tuneloop.text.personal.finder import usual
from tuneloop.text.personal.kinds.bank_card import luhn
from tuneloop.text.personal.kinds.id_card import checksum

FINDER = Finder()

PEM = f"-----BEGIN PRIVATE KEY-----\n{'QUJD' * 400}\n-----END PRIVATE KEY-----"

FOUND = [
    ("手机号13812345678请联系", "mobile", "13812345678"),
    ("身份证号11010519491231002X已核验", "id_card", "11010519491231002X"),
    ("身份证号：11010519491231002X，已核验", "id_card", "11010519491231002X"),
    ("银行卡号：6222021234567890128，转账", "bank_card", "6222021234567890128"),
    ("请发到bob@example.com谢谢", "email", "bob@example.com"),
    ("邮箱bob@example.com，谢谢", "email", "bob@example.com"),
    ("服务器192.168.1.10挂了", "ip_address", "192.168.1.10"),
    ("手机１３８１２３４５６７８", "mobile", "１３８１２３４５６７８"),
    ("+86 138-1234-5678", "mobile", "+86 138-1234-5678"),
    ("Tel13812345678", "mobile", "13812345678"),
    ("http://shop.example/pay?phone=13812345678&a=1", "mobile", "13812345678"),
    ("电话010-62313333转8001", "landline", "010-62313333转8001"),
    ("拨打(021) 5888 1234", "landline", "(021) 5888 1234"),
    ("请致电62313333", "landline", "62313333"),
    ("车牌京A12345违章", "plate", "京A12345"),
    ("新能源车粤B·D12345停在门口", "plate", "粤B·D12345"),
    ("护照号E12345678已过期", "passport", "E12345678"),
    ("她的微信：zhang_san88", "account", "zhang_san88"),
    ("加QQ群12345678", "account", "12345678"),
    ("密码是abc123!x", "password", "abc123!x"),
    ('api_key="a8f5f167f44f4964e6c998dee827110c"', "password", "a8f5f167f44f4964e6c998dee827110c"),
    (PEM, "private_key", PEM),
    ("export KEY=sk-proj-abcdefghijklmnopqrstuvwx1234", "secret", "sk-proj-abcdefghijklmnopqrstuvwx1234"),
    ("postgres://bob:pa55word@db/x", "password", "bob:pa55word"),
    ("Call me at (415) 555-2671 tomorrow", "phone", "(415) 555-2671"),
    ("ring +44 20 7946 0958 please", "phone", "+44 20 7946 0958"),
    ("my SSN is 536-90-4399", "us_ssn", "536-90-4399"),
    ("pay to GB33BUKB20201555555555", "iban", "GB33BUKB20201555555555"),
    ("Visa 4111 1111 1111 1111", "bank_card", "4111 1111 1111 1111"),
    ("host 2001:db8::ff00:42:8329", "ip_address", "2001:db8::ff00:42:8329"),
    ("网卡00:1B:44:11:3A:B7", "mac_address", "00:1B:44:11:3A:B7"),
    ("香港身份证A123456(3)", "id_hong_kong_taiwan", "A123456(3)"),
    ("身分證字號A123456789", "id_hong_kong_taiwan", "A123456789"),
    ("查一下S1234562有没有", "id_hong_kong_taiwan", "S1234562"),
    ("外国人永久居留身份证945826197504206410", "id_card", "945826197504206410"),
    ("卡号622848 0258314447446", "bank_card", "622848 0258314447446"),
    ("汇到 sa96 26g6 0czq l8zu uvk7 ildp", "iban", "sa96 26g6 0czq l8zu uvk7 ildp"),
    ("设备ac32.83ea.14c4上线", "mac_address", "ac32.83ea.14c4"),
    ("（+86）138-1234-5678", "mobile", "（+86）138-1234-5678"),
    ("IP：2400:e186:c01d:c5e4:dd4:64d7:5ca:ecd8", "ip_address", "2400:e186:c01d:c5e4:dd4:64d7:5ca:ecd8"),
    ("再确认一次：fe80::63f8:357e:2832:2111", "ip_address", "fe80::63f8:357e:2832:2111"),
    ("server 172.16.205.251 is down", "ip_address", "172.16.205.251"),
    ("the password is patel_3092 for now", "password", "patel_3092"),
    ("QQ号wxid_lseord8s0ktem8", "account", "wxid_lseord8s0ktem8"),
    ("令牌：npm_" + "a1B2" * 9, "secret", "npm_" + "a1B2" * 9),
    ("call +33 6 33 43 32 90", "phone", "+33 6 33 43 32 90"),
    ("我叫李明，想咨询一下", "person_name_zh", "李明"),
    ("收件人：欧阳娜娜，请尽快", "person_name_zh", "欧阳娜娜"),
    ("公司联系人：李明", "person_name_zh", "李明"),
    ("店长的名字叫邱明远。", "person_name_zh", "邱明远"),
    ("请问王思睿女士在吗", "person_name_zh", "王思睿"),
    ("My name is Linda Allen.", "person_name_en", "Linda Allen"),
    ("Our manager's name is Odette Marlow.", "person_name_en", "Odette Marlow"),
    ("Customer name: Jinlong Qiu", "person_name_en", "Jinlong Qiu"),
    ("Dear Daniel,\nthanks", "person_name_en", "Daniel"),
    ("地址：湖南省长沙市岳麓区李家镇13组94号", "address_zh", "湖南省长沙市岳麓区李家镇13组94号"),
    ("明天去北京海淀区大钟寺东路9号吧", "address_zh", "北京海淀区大钟寺东路9号"),
    ("I moved to 328 Hill Ave, Boston, IL 63772.", "address_en", "328 Hill Ave, Boston, IL 63772"),
    ("10 Downing Street, London SW1A 2AA", "address_en", "10 Downing Street, London SW1A 2AA"),
]

NOTHING = [
    "版本1.2.3.4已发布",
    "Chrome 120.0.6099.109",
    "第3.2.1.4节",
    "订单号13812345678",
    "圆周率3.13812345678",
    "http://news.example/a/13812345678.html",
    "身份号码一样的11010519491231002Y",
    "1101051949123100250",
    "icon@2x.png",
    "我@了他 @all",
    "password reset, 密码错误, token limit 4096",
    "model='gpt-4', secret=os.environ",
    "400-810-8888",
    "2023-11-05 12:00:00 到 2023-11-06",
    "12:30:45, std::vector, a::b",
    "127.0.0.1 和 255.255.255.0",
    "1234567890123456789",
    "京ABCDE",
    "产品型号A123456789和E12345678",
    "QQ和微信都可以，微信支付",
    "1,234,567,890 元，3.14159265358979",
    "On Wednesday, 1200-400-300=<<1200-400-300=500>>500 kg",
    "sk-learn-contrib-some-long-package-name",
    "订单 6222021234567890128 已发货",
    "客服热线400-246-3459",
    "upgraded to 10.8.25.199",
    "part no. 480-99-9070",
    "aa1TCMYgq20vX+baN1qCGYt9xezsd8R8/VXgeJAg1",
    "07-13-2022 和 20130918063929",
    "0.5元，1998\n1999\n2000\n2001年",
    "一起玩王者荣耀吗，我叫你别去",
    "我是高中生，我是安徽人，许多同学和全职太太",
    "姓名不能为空，收件人信息错误，联系人列表为空",
    "王先生和李女士来了",
    "小猫的名字叫毛毛，它名叫毛毛，狗狗叫安小乐",
    "我们公司名叫方正安和，这款游戏叫做万国觉醒",
    "Our cat's name is Waffles. The dog's name is Max Power, its name is Max",
    "Product name: Aurora Lamp; company name: Bright Home",
    "Dear customer, Mr. President spoke; Best Regards",
    "I am Chinese. Name: required. Mr. Smith called.",
    "他们住在深山农村，走了3公里路，北京地铁10号线，5月12号见",
    "12 Lane changes, the 10 best roads, I drive 30 miles",
]


@pytest.mark.parametrize(("text", "kind", "value"), FOUND)
def test_found(text, kind, value):
    assert [(span.kind, text[span.start : span.end]) for span in FINDER.find(text)] == [(kind, value)]


@pytest.mark.parametrize("text", NOTHING)
def test_not_found(text):
    assert FINDER.find(text) == []


def test_every_kind_has_an_example():
    assert {kind for _, kind, _ in FOUND} == set(usual())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("昨天司马薇丽说不来了", "司马薇丽"),
        ("文件交给赵一诺", "赵一诺"),
        ("ask Joshua Garcia about it", "Joshua Garcia"),
    ],
)
def test_names_that_nothing_announces_are_found_where_the_kind_is_named(text, value):
    assert FINDER.find(text) == []
    assert [text[span.start : span.end] for span in Finder(["person_name_bare"]).find(text)] == [value]


@pytest.mark.parametrize("text", [text for text, _, _ in FOUND])
def test_whatever_is_found_is_of_concern(text):
    assert FINDER.concerns(text)


@settings(deadline=None)
@given(
    st.sampled_from(FOUND),
    st.text(alphabet="你好，。的在是请（）！ ", max_size=6),
    st.text(alphabet="，。的了吗（）！ ", max_size=6),
)
def test_chinese_around_it_changes_nothing(example, before, after):
    text, kind, value = example
    found = [(span.kind, (before + text + after)[span.start : span.end]) for span in FINDER.find(before + text + after)]
    assert (kind, value) in found


@settings(deadline=None)
@given(st.integers(0, 10**17 - 1))
def test_one_wrong_digit_is_seen_by_the_checksum(number):
    digits = f"{number:017d}"
    place = number % 17
    other = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :]
    assert checksum(digits) != checksum(other)


@settings(deadline=None)
@given(st.integers(10**14, 10**18))
def test_luhn_sees_a_wrong_digit(number):
    text = str(number)
    check = next(digit for digit in "0123456789" if luhn(text + digit))
    wrong = text[:-1] + str((int(text[-1]) + 1) % 10) + check
    assert luhn(text + check)
    assert not luhn(wrong)


def test_overlapping_finds_give_way_to_the_surer_one():
    spans = FINDER.find("身份证11010519491231002X，卡6222021234567890128，手机13812345678")
    assert [span.kind for span in spans] == ["id_card", "bank_card", "mobile"]


@pytest.mark.parametrize("alphabet", ["abc@", "0123456789 -", "a.b@", "1.:"])
def test_a_long_text_without_personal_data_is_searched_in_linear_time(alphabet: str):
    def seconds(length: int) -> float:
        text = "".join(random.Random(0).choices(alphabet, k=length))
        began = time.process_time()
        FINDER.find(text)
        return time.process_time() - began

    # Sixteen times the text: 16 times the work when it grows with the length, 256 times with its square.
    assert min(seconds(64_000) for _ in range(2)) < 64 * max(min(seconds(4_000) for _ in range(3)), 1e-3)


def shown(*texts, finder=FINDER):
    """Texts that belong together, with the whole name in angle brackets in the place of each find."""
    told = []
    for text, spans in zip(texts, finder.find_all(texts), strict=True):
        for span in reversed(spans):
            text = f"{text[: span.start]}<{span.normal}>{text[span.end :]}"
        told.append(text)
    return told


COME_BACK = [
    (("我叫李雷。", "李雷您好，李雷的订单。", "李先生请稍等，小李先生好"),
     ["我叫<李雷>。", "<李雷>您好，<李雷>的订单。", "<李雷>先生请稍等，小<李雷>先生好"]),
    (("我叫李雷，他叫做李娜。", "李先生，李娜来了"), ["我叫<李雷>，他叫做<李娜>。", "李先生，<李娜>来了"]),
    (("我叫李雷。", "李雷雷是别人，桃李先生"), ["我叫<李雷>。", "李雷雷是别人，桃李先生"]),
    (("收件人：欧阳修远，", "欧阳女士您好，修远您好"), ["收件人：<欧阳修远>，", "<欧阳修远>女士您好，<欧阳修远>您好"]),
    (("My name is John Smith.", "Thanks, John. Mr. Smith, JOHN  SMITH; John's"),
     ["My name is <John Smith>.", "Thanks, <John Smith>. Mr. <John Smith>, <John Smith>; <John Smith>'s"]),
    (("My name is John Smith.", "Johnson, David John, John Deere, blacksmith Smith"),
     ["My name is <John Smith>.", "Johnson, David John, John Deere, blacksmith Smith"]),
    (("Hi John,", "My name is John Smith"), ["Hi <John Smith>,", "My name is <John Smith>"]),
    (("My name is Grace Hopper.", "Grace period. Hi Grace! Thanks, Grace."),
     ["My name is <Grace Hopper>.", "Grace period. Hi <Grace Hopper>! Thanks, <Grace Hopper>."]),
    (("I am Anna Lee and this is Anna Bell", "Anna Lee, Anna Bell"),
     ["I am <Anna Lee> and this is <Anna Bell>", "<Anna Lee>, <Anna Bell>"]),
    (("我家小猫名叫毛毛", "毛毛很可爱"), ["我家小猫名叫毛毛", "毛毛很可爱"]),
    (("the cat's name is Waffles", "Waffles is nice"), ["the cat's name is Waffles", "Waffles is nice"]),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "told"), COME_BACK)
def test_a_name_found_once_is_found_everywhere(texts, told):
    assert shown(*texts) == told
    assert sorted(shown(*reversed(texts))) == sorted(told)


def test_a_name_of_a_kind_that_is_not_looked_for_does_not_come_back():
    texts = ("我叫李雷。My name is John Smith.", "李雷，John")
    only = Finder(["person_name_zh"])
    assert shown(*texts, finder=only) == ["我叫<李雷>。My name is John Smith.", "<李雷>，John"]


def test_many_names_take_no_long_time():
    texts = ["".join(f"我叫李{chr(0x4E00 + n)}明。" for n in range(3000)), "李明先生" * 20_000]
    start = time.process_time()
    FINDER.find_all(texts)
    assert time.process_time() - start < 5
