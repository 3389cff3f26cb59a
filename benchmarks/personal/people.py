"""Names and addresses of people, in Chinese and English, and words that look like them; all invented.

Chinese surnames are the commonest of the Ministry of Public Security's report, given names are put together from
characters that are common in them; addresses follow how the post writes them.
"""

# ruff: noqa: E501, SIM905 - lists of words and sentences read better as they are spoken
from __future__ import annotations

import random

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
TWO_SIGN_SURNAMES = ("欧阳", "司马", "上官", "诸葛", "慕容", "司徒", "夏侯", "皇甫")
GIVEN_SIGNS = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂梅建国文华志红玉春晓东海燕斌鹏辉玲波宇浩凯健俊帆雪琳晨欣怡佳嘉子轩梓涵雨诗琪思睿博然一诺依铭泽昊天瑶婷璐倩颖慧莹莉薇蕾洁云龙飞鑫宁"
GIVEN_EN = (
    "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica "
    "Thomas Karen Christopher Sarah Daniel Nancy Matthew Lisa Anthony Betty Andrew Sandra Paul Emily Joshua Donna Kenneth "
    "Michelle Kevin Carol Brian Amanda George Melissa Timothy Deborah Ronald Stephanie Jason Rebecca Olivia Sophia Ethan"
).split()
FAMILY_EN = (
    "Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson "
    "Thomas Taylor Moore Jackson Martin Lee Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson Walker Young "
    "Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell Mitchell O'Brien"
).split()


def name_zh(source: random.Random) -> str:
    surname = source.choice(TWO_SIGN_SURNAMES) if source.random() < 0.04 else source.choice(SURNAMES)
    count = 1 if source.random() < 0.18 else 2
    return surname + "".join(source.choice(GIVEN_SIGNS) for _ in range(count))


def name_en(source: random.Random) -> str:
    given, family = source.choice(GIVEN_EN), source.choice(FAMILY_EN)
    draw = source.random()
    if draw < 0.15:
        return f"{given} {source.choice('ABCDEFGHJKLMR')}. {family}"
    return given if draw < 0.25 else f"{given} {family}"


PLACES = (
    ("北京市", "", ("朝阳区", "海淀区", "东城区", "丰台区")),
    ("上海市", "", ("浦东新区", "徐汇区", "闵行区")),
    ("重庆市", "", ("渝北区", "江北区")),
    ("广东省", "广州市", ("天河区", "越秀区", "白云区")),
    ("广东省", "深圳市", ("南山区", "福田区", "龙岗区")),
    ("浙江省", "杭州市", ("西湖区", "余杭区", "萧山区")),
    ("江苏省", "南京市", ("鼓楼区", "江宁区")),
    ("江苏省", "苏州市", ("吴中区", "昆山市")),
    ("四川省", "成都市", ("武侯区", "锦江区", "双流区")),
    ("湖北省", "武汉市", ("洪山区", "江汉区")),
    ("陕西省", "西安市", ("雁塔区", "碑林区")),
    ("山东省", "青岛市", ("市南区", "崂山区")),
    ("河南省", "郑州市", ("金水区", "中原区")),
    ("福建省", "厦门市", ("思明区", "湖里区")),
    ("内蒙古自治区", "呼和浩特市", ("赛罕区", "新城区")),
    ("湖南省", "长沙市", ("岳麓区", "芙蓉区")),
)
STREETS = "人民 中山 解放 建设 和平 长江 黄河 文化 科技 学院 新华 滨江 朝阳 幸福 东风 光明 花园 玉泉 望京 天山".split()
ESTATES = "阳光 翠湖 金色家园 碧水 万科城市 龙湖 锦绣 御景 香榭 世纪 银杏 紫荆".split()


def address_zh(source: random.Random) -> str:
    province, city, districts = source.choice(PLACES)
    district = source.choice(districts)
    head = source.choice(
        (
            province + city + district,
            city + district if city else province + district,
            (city or province)[:-1] + district,
        )
    )
    street = source.choice(STREETS) + source.choice(("路", "大街", "街道", "大道", "东路", "西路", "北街", "巷"))
    number = f"{source.randrange(1, 1999)}号"
    draw = source.random()
    if draw < 0.25:
        return head + street + number
    estate = source.choice(ESTATES) + source.choice(("小区", "花园", "苑", "大厦", "公寓", "广场"))
    block = f"{source.randrange(1, 40)}{source.choice(('号楼', '栋', '幢', '座'))}"
    unit = source.choice(("", f"{source.randrange(1, 6)}单元"))
    room = f"{source.randrange(101, 3305)}{source.choice(('室', '号', ''))}"
    if draw < 0.75:
        return head + street + number + estate + block + unit + room
    if draw < 0.88:
        return head + estate + block + unit + room
    return f"{head}{source.choice(('张', '李', '王', '赵'))}家{source.choice(('村', '镇'))}{source.randrange(1, 20)}组{source.randrange(1, 200)}号"


STATES = "NY CA TX FL IL PA OH GA NC MI NJ VA WA AZ MA TN IN MO MD WI CO MN".split()
TOWNS = "Springfield Riverside Franklin Clinton Madison Georgetown Salem Fairview Arlington Boston Austin Seattle Denver".split()
NAMES_OF_STREETS = (
    "Main Oak Maple Cedar Washington Park Lake Hill Walnut Pine Church Elm Market Jackson Lincoln Sunset".split()
)
TYPES_OF_STREETS = "Street St Avenue Ave Road Rd Boulevard Blvd Lane Ln Drive Dr Court Way Place".split()
TOWNS_UK = (
    ("London", "SW1A 2AA"),
    ("London", "EC1V 9BX"),
    ("Manchester", "M1 4BT"),
    ("Leeds", "LS1 5DL"),
    ("Oxford", "OX1 3PN"),
    ("Bristol", "BS8 4JD"),
)


def address_en(source: random.Random) -> str:
    street = f"{source.randrange(1, 9999)} {source.choice(('', '', 'North ', 'W. '))}{source.choice(NAMES_OF_STREETS)} {source.choice(TYPES_OF_STREETS)}"
    draw = source.random()
    if draw < 0.25:
        town, code = source.choice(TOWNS_UK)
        return f"{source.randrange(1, 250)} {source.choice(NAMES_OF_STREETS)} {source.choice(('Road', 'Street', 'Lane', 'Close'))}, {town} {code}"
    if draw < 0.45:
        return street
    flat = source.choice(
        (
            "",
            "",
            f", Apt {source.randrange(1, 60)}",
            f" #{source.randrange(1, 900)}",
            f", Suite {source.randrange(100, 999)}",
        )
    )
    return f"{street}{flat}, {source.choice(TOWNS)}, {source.choice(STATES)} {source.randrange(10000, 99999)}"


NAMED = {
    "person_name": {
        "zh": (
            "我叫{}",
            "姓名：{}",
            "收件人{}，请尽快发货",
            "我是{}，想咨询一下",
            "联系人：{}",
            "{}先生您好",
            "请问{}女士在吗",
            "患者{}，男，45岁",
            "我的名字叫{}。",
            "客户{}来电投诉",
        ),
        "en": (
            "My name is {}.",
            "Dear {},",
            "I am {}, nice to meet you",
            "Mr. {} called",
            "Name: {}",
            "Ms. {} will join us",
            "Regards,\n{}",
            "Contact person: {}",
        ),
    },
    "address": {
        "zh": ("地址：{}", "收货地址是{}", "我住在{}。", "请寄到{}，谢谢", "家住{}，急", "公司在{}"),
        "en": ("Address: {}", "I live at {}.", "ship it to {}", "our office is at {}", "deliver to {}, please"),
    },
}
BARE = {
    "person_name": {
        "zh": ("昨天{}说不来了", "这事得问{}", "{}和我一起去的", "刚刚见到{}了", "把文件交给{}", "{}的报告写得很好"),
        "en": ("I met {} yesterday", "{} said no", "ask {} about it", "{} and I went home", "This was written by {}."),
    },
    "address": {
        "zh": ("{}", "明天去{}", "上次在{}见过", "{}怎么走"),
        "en": ("{}", "we went to {} yesterday", "the shop at {} is closed"),
    },
}
NOTHING = {
    "person_name": {
        "zh": (
            "一起玩王者荣耀吗", "我今天很高兴认识大家", "张开嘴巴让我看看", "马上就到", "黄河水很急", "方便的话回个电话", "金额不对", "白天没空",
            "安全第一", "常见问题都在这里", "高效完成任务", "张家界风景好", "石头剪刀布", "周末有空吗", "于是他就走了", "任何时候都行",
            "许多人喜欢", "向前走两百米", "时间不早了", "成功需要努力", "江南水乡很美", "严重影响睡眠", "毛病还是没修好", "钱包丢了",
            "万一下雨怎么办", "我是学生", "我是来退货的", "姓名不能为空", "收件人信息错误", "我叫你别去", "客户满意度提升", "联系人列表为空",
            "老师说作业要交", "高温天气注意防暑", "华为手机很好用", "林业局发布通知", "徐徐升起", "何必这样", "程序运行报错", "夏天到了",
            "请问先生贵姓", "女士优先", "武汉天气如何", "龙卷风来了", "雷雨交加", "贺卡收到了", "顾客是上帝", "田径比赛", "曹操墓在哪",
        ),
        "en": (
            "Dear customer,", "I am happy to help", "My name is on the list", "Grant them access", "Mark this as done", "It may rain in May",
            "Will you come?", "Rose petals are red", "New York is large", "Machine Learning is fun", "Mr. President spoke", "Dear Sir or Madam,",
            "Name: required", "I am Chinese", "Best Regards", "The White House said so", "Visual Studio Code crashed", "Good Morning", "Python Package Index",
            "Contact person: to be announced", "Hope this helps", "Faith in God", "Bill the customer", "Harvard Business School",
        ),
    },
    "address": {
        "zh": (
            "我在路上", "这条路很堵", "走了3公里路", "3号楼梯在哪", "第5单元讲分数", "北京市的天气", "广东省经济总量", "杭州市西湖区很漂亮", "会议室在二楼",
            "马路上有12辆车", "请输入地址", "地址栏是空的", "12号下午见", "在家里3个小时", "大街小巷都知道", "座位是15号", "上海市人民政府发布公告",
        ),
        "en": (
            "5 Star Drive shafts", "The 10 best roads", "street food is great", "on the way", "12 Lane changes", "the address field is empty", "I drive 30 miles",
            "a two way street", "100 Main reasons", "court is in session", "Take place", "IP address needed", "Windows 10 Drive C", "I live in California",
        ),
    },
}  # fmt: skip
MAKERS = {
    "person_name": {"zh": name_zh, "en": name_en},
    "address": {"zh": address_zh, "en": address_en},
}
