"""The sentences around the values: those that name a kind, those that name something else, those that name nothing.

`{}` is the value.  Neutral sentences take true values and look-alikes alike, so they tell a finder nothing.
"""

# ruff: noqa: E501 - lists of words and sentences read better as they are spoken
from __future__ import annotations

NAMED: dict[str, dict[str, tuple[str, ...]]] = {
    "id_card": {
        "zh": (
            "身份证号{}已核验",
            "身份证：{}",
            "证件号码为{}，请查收",
            "他的身份证号码是{}。",
            "公民身份号码 {} 有效",
            "本人{}申请办理",
        ),
        "en": ("Chinese ID number {} was checked.", "National ID: {}", "his resident identity card ({}) expires soon"),
    },
    "id_card_15": {"zh": ("老身份证号是{}", "身份证号码（15位）：{}"), "en": ("old identity card number {}",)},
    "bank_card": {
        "zh": (
            "银行卡号：{}，转账",
            "卡号{}开户行工商银行",
            "请把钱打到我的银行卡{}",
            "信用卡 {} 已还款",
            "收款账号是{}，谢谢",
        ),
        "en": (
            "My card number is {}.",
            "Please charge credit card {} today",
            "card: {}",
            "refund it to Visa {}, thanks",
        ),
    },
    "iban": {
        "zh": ("IBAN是{}，请汇款", "国际账号：{}"),
        "en": ("IBAN: {}", "Please transfer to {} by Friday.", "my account is {} at the local branch"),
    },
    "id_hong_kong": {
        "zh": ("香港身份证{}", "香港身份證號碼：{}，請核對", "证件号{}"),
        "en": ("HKID {}", "Hong Kong identity card no. {}."),
    },
    "id_taiwan": {
        "zh": ("台湾身份证字号{}", "身分證字號：{}，請確認", "证件号{}"),
        "en": ("Taiwan ID {}", "national id no. {}."),
    },
    "mobile": {
        "zh": (
            "手机号{}请联系",
            "电话：{}",
            "加我微信{}，同号",
            "打{}找我",
            "联系方式 {} 随时可打",
            "订单留的手机号是{}",
            "我的号码是{}。",
        ),
        "en": ("call me at {}", "Mobile: {}", "my Chinese number is {}.", "tel:{},", "text {} when you arrive"),
    },
    "landline": {
        "zh": ("电话是{}。", "座机{}", "办公室电话：{}，上班时间打", "传真 {} 或邮件", "预约请拨打{}"),
        "en": ("office phone {}", "Tel: {}", "fax {} is out of order"),
    },
    "phone": {
        "zh": ("海外电话{}", "他的美国手机是{}。", "联系电话：{}"),
        "en": ("call me at {}", "My number is {}.", "Phone: {}", "reach us on {} any time", "tel {}, please"),
    },
    "passport": {
        "zh": ("护照号{}", "护照号码：{}，有效期十年", "我的护照是{}。", "通行证号码{}"),
        "en": ("passport number {}", "Passport No. {}", "my passport is {}."),
    },
    "plate": {
        "zh": ("车牌号{}", "车牌：{}", "一辆{}的黑色轿车", "我的车是{}。", "车主您好，{}挡住路口了"),
        "en": ("plate {}", "the car with licence plate {} is blocked"),
    },
    "us_ssn": {
        "zh": ("社会安全号{}", "SSN：{}"),
        "en": ("SSN: {}", "my social security number is {}.", "Social Security No. {}"),
    },
    "email": {
        "zh": ("请发到{}谢谢", "邮箱：{}", "邮箱{}收简历", "联系{}，尽快回复", "（{}）"),
        "en": ("write to {}.", "Email: {}", "send it to <{}> please", "contact {}, thanks", "mailto:{}"),
    },
    "ip_address": {
        "zh": ("服务器地址{}连不上", "IP：{}", "从{}登录", "ping {} 超时", "主机 {} 宕机了"),
        "en": ("IP address {}", "server {} is down", "logged in from {}.", "ssh root@{} fails", "ping {}"),
    },
    "mac_address": {
        "zh": ("MAC地址{}", "网卡{}", "设备 {} 已上线"),
        "en": ("MAC address {}", "device {} joined the network", "hwaddr {}"),
    },
    "secret": {
        "zh": ("密钥是{}", "我的key：{}，别外传", "令牌 {} 已失效", 'api_key="{}"'),
        "en": (
            "api key: {}",
            "export TOKEN={}",
            'client = Client("{}")',
            "Authorization: Bearer {}",
            "the token {} leaked",
        ),
    },
    "private_key": {
        "zh": ("私钥如下：\n{}\n请保管好", "证书私钥{}"),
        "en": ("here is the key:\n{}\nkeep it", "key = '{}'"),
    },
    "password": {
        "zh": ("密码是{}，登录试试", "密码：{}", "初始密码为{}", "登录密码 {}。"),
        "en": ("password: {}", "my password is {}", "the password is {} for now", "pwd={}"),
    },
    "account": {
        "zh": ("QQ：{}", "QQ号{}", "微信号：{}", "加我微信 {}", "我的QQ是{}。", "微信号是{}，备注来意"),
        "en": ("QQ: {}", "WeChat ID: {}", "my wechat is {}."),
    },
}
"""Sentences that say what the value is."""

NEUTRAL = {
    "zh": (
        "帮我看下{}",
        "{}",
        "是{}吗",
        "这个{}查不到",
        "已收到{}，稍后处理",
        "刚才发的是{}。",
        "填的{}对吗？",
        "再确认一次：{}",
        "就用{}吧",
    ),
    "en": (
        "{}",
        "is it {}?",
        "please look up {}",
        "I sent {} already.",
        "got {}, thanks",
        "we have {} on file",
        "({})",
    ),
}

WITHOUT_FORM = {"passport", "id_card_15", "us_ssn", "password", "account", "phone"}
"""Kinds that no form tells from any other number: they stand in sentences that name them only."""

NOTHING: dict[str, dict[str, tuple[str, ...]]] = {
    "order": {
        "zh": ("订单号{}还没发货", "单号：{}", "订单{}已完成", "流水号{}", "交易单号 {} 已支付", "工单编号{}"),
        "en": (
            "order {} has not shipped",
            "Order No. {}",
            "order number: {}",
            "transaction id {}",
            "ticket #{} is open",
        ),
    },
    "parcel": {
        "zh": ("快递单号{}", "运单号：{}，派送中", "物流 {} 到哪了", "包裹{}已签收"),
        "en": ("tracking number {}", "parcel {} is on its way", "Tracking: {}"),
    },
    "date": {
        "zh": ("时间是{}", "截止到{}。", "{}更新", "日期：{}"),
        "en": ("on {}", "updated {}", "since {}.", "date: {}"),
    },
    "price": {"zh": ("一共{}元", "价格{}", "金额：{}"), "en": ("it costs {} dollars", "total: {}", "price {}")},
    "version": {
        "zh": ("版本{}", "升级到{}后好了", "当前版本号：{}", "固件 {} 有问题"),
        "en": ("version {}", "upgraded to {}", "release {} is out", "firmware {}"),
    },
    "stamp": {"zh": ("时间戳{}", "timestamp={}"), "en": ("timestamp {}", "ts={}")},
    "model": {
        "zh": ("型号{}", "货号：{}", "产品编号{}缺货", "批号 {}"),
        "en": ("model {}", "part {} is out of stock", "SKU {}", "serial no. {}"),
    },
    "book": {"zh": ("ISBN {}", "书号：{}"), "en": ("ISBN {}", "ISBN: {}")},
    "service": {"zh": ("客服热线{}", "请拨打服务热线：{}"), "en": ("customer service {}", "hotline: {}")},
    "score": {"zh": ("积分{}", "涨了{}点"), "en": ("score {}", "{} points")},
    "place": {"zh": ("放在{}了", "{}还有吗", "看{}"), "en": ("look at {}", "{} is free")},
    "part": {"zh": ("零件号{}", "料号：{}"), "en": ("part no. {}", "catalog number {}")},
    "handle": {"zh": ("关注{}", "微博{}转发"), "en": ("follow {}", "thanks {} for this")},
    "package": {"zh": ("装的是{}", "依赖{}"), "en": ("npm install {}", "we use {}")},
    "host": {"zh": ("登录{}", "psql连{}"), "en": ("log in as {}", "connect to {}")},
    "file": {"zh": ("文件{}", "如下：\n{}\n完"), "en": ("see {}", "file:\n{}\nend")},
    "code": {"zh": ("用{}这个写法", "代码里的{}"), "en": ("use {} here", "the symbol {} in code")},
    "section": {"zh": ("见{}节", "第{}条"), "en": ("see section {}", "chapter {}")},
    "ratio": {"zh": ("比例{}", "按{}混合"), "en": ("ratio {}", "mix at {}")},
    "hash": {"zh": ("提交{}", "校验值{}", "ID为{}"), "en": ("commit {}", "checksum {}", "id {}")},
    "whole": {"zh": ("{}",), "en": ("{}",)},
}
"""Sentences that say that the value is something else."""

FILLERS = {
    "zh": (
        "你好，在吗？", "麻烦尽快处理一下。", "今天天气不错，适合出门。", "我已经等了三天了。", "谢谢你的帮助！",
        "这个产品用起来怎么样", "2023年的报告一共有128页。", "周末我们去爬山吧", "会议改到下午3点半。", "请按要求填写表格。",
        "退款一般需要3到5个工作日。", "价格从199元涨到了259元", "他买了12个苹果和36个橙子。", "第3章第2节讲的是线性回归。",
    ),
    "en": (
        "Hello there.", "Could you help me with this?", "I have been waiting for three days.", "Thanks a lot!",
        "The report has 128 pages.", "The meeting moved to 3:30 pm.", "It rose from 199 to 259 dollars.",
        "Please fill in the form.", "We sold 1,204 units in 2023.", "Let me know what you think",
    ),
}  # fmt: skip
JOINTS = {"zh": ("，", "。", "\n", " ", "；", ""), "en": (". ", " ", "\n", ", ", "; ")}
