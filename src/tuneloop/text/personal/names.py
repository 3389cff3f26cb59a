"""What names of people are made of: facts, written down by us.

Chinese surnames (those of nine in ten people), characters that are common in given names, and words that begin like a
name; English given names, and those of them that are words as well.
"""
# ruff: noqa: E501, SIM905 - lists of words read better as words

from __future__ import annotations

SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章苏潘葛奚范彭郎鲁韦马苗凤花方俞任袁柳"
    "鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于傅卞齐康伍余元顾孟黄穆萧尹姚邵汪祁毛狄戴宋庞熊纪舒屈项祝董梁杜阮蓝闵席季"
    "贾路江童颜郭梅盛林钟徐邱骆高夏蔡田樊胡凌霍虞万柯管卢莫房解应丁宣邓洪包左石崔吉龚程邢裴陆荣翁曲封储段富焦巴谷车侯"
    "全班仰秋仲宁仇甘厉祖武符刘景詹龙叶司黎薄白蒲邰温庄晏柴瞿阎充慕连茹习艾容向古易廖庾终步都耿满匡文寇广东欧聂晁"
    "敖冷辛阚简饶曾关查游竺权盖益桓仉岳帅郁单牛覃肖闫付邸尚佟佘商臧佴揭丛代仝"
)
DOUBLE_SURNAMES = "欧阳 司马 上官 诸葛 慕容 司徒 夏侯 皇甫 尉迟 公孙 令狐 宇文 长孙 东方 独孤 端木".split()
GIVEN = frozenset(
    "一乙万三丹久之乐义乾云亚亦亮京人仁仙代任伊优会伟传伦伯佑佳依侠俊保信修倩健偲傲元先光克兰兴兵其典军冉冬冰冲凌凡凤凯刚"
    "利前力功劲勇勤卉华卓南博卫可叶司合吉名启周和咏品哲唯喜嘉园国圆坚坤城培基堂士壮夏天太夫奇如妍妙妮姗姝娅娇娜娟娥婉"
    "婕婧婷媛嫣子孝学宁宇守安宏宗宜实宣宸家容宾富寒小尔少尧展屹山岚岩岭峥峰川州工巧帅帆常平年庆康庭延建开弘强彤彦彩彬彭影"
    "德心志忠忆怀怡思恒恩悦惠意慈慕慧成才承拓振捷敏敬文斌斐新方旭旺昀昂昆昊昌明易星春昕昭显晋晓晗晖晨景晴晶智曦月朋朔朗"
    "望木朵杉杰松林枝枫柏柔柯树根格桂桃桐梁梅梓梦森楚楠榕樱欢欣正武毅民水永汉江池沁沐沛河治泉泓波泽洁洋洪津洲浩海涛润涵淑"
    "清渊渝温游源溪滔滢满滨漫潇澄澜瀚灵灿炎炜炫炳烁烨焕煜照熙燕爱爽牧献玉王玫玮玲珂珊珍珠班珺琛琦琨琪琬琳琴琼瑀瑄瑜瑞瑶瑾"
    "璇璐璟甜生田男画略登白皓盈盛益盼真睿瞳石硕碧礼祖祥祺福禾秀秋科程穆竹笑笛筠筱紫红纯纲绍绮维绪绿缘美群羽翔翠翰耀聪肖"
    "胜胡能腾臣自舒航良艳艺芃芊芙芝芬芮芯花芳芷芸苇若英茂茜茵茹荔荣荷莉莎莲莹菁菊菡菲萌萍萱落葵蒙蓉蓓蔓蔚蕊蕙蕾薇薪虎虹蝶"
    "行裕西言誉许诗诚语谦谨豪贝贞贤贵赫超越跃路轩轶辉辰达远连迪逸道邦郁采里重野金鑫钊钢钧钰铁铃铎铭锋锐锦镇长闯闻阳陶隆隽雄"
    "雅雨雪雯霄震霆霏霖霜霞露青静韬韵音颂颖风飒飞香馨骁骏高魁鲁鸣鸿鹏鹤鹰麒麟黎默齐龙娣彪琰霓翊珩玥玙玺璋朦苒屏俐炯胤臻"
    "澍淇淳淼渲湘溢滕轲辙迅遥郎彰忱恺恬悠惟愉慎懿戈扬抒挺政敦旋旻晏晟曜杭栋栩桦梵棋棠榆樊殷毓汐沂泰泳洛浦涓湛滋"
    "丽诺奕宸铮东进发钦祯祎昱晔骅锴沅泠浔澈熠燊璨瓒甫砚竣绎翎聿荟莞菀葳衍谊赟邈郡锡霁颐颢馥骞骐鲲麓黛勋励卿呈喆垚堃墨奎姣"
    "娴婵孜宪寅屿峻崇嵘巍弈弦征懋昉昶晞暄曙曼杏柠栖桢檀歆汝沣沫济浚漪潼烈煊煦珏珈琢琮瑛璎瑗伊炅珉珣琅禹笙筱茗蓝莘菱"
)
"""Characters of given names, by which a name without an announcement is told."""
NO_GIVEN = frozenset(
    "的了是在有我你他她它们不没吗呢吧啊呀么这那哪什怎很都也就还又再才只把被让给对从到跟与或但而因所以如果请问谁几多少说叫去"
    "来要想会能可做看见吃喝买卖用打个位名号码：，。？！、；（）“”"
)
"""Characters that end a name right before them."""
NOT_NAMES = frozenset(
    "高兴 高温 高效 高中 高级 高度 高速 高考 高价 高端 高手 高层 高铁 高血 高等 王者 王国 王子 王朝 王牌 王府 黄河 黄金 黄色 黄瓜 黄昏 "
    "黄山 黄豆 黄油 马上 马路 马达 马克 马来 马桶 马车 马匹 方便 方法 方向 方案 方式 方面 方程 方言 方块 张开 张贴 张力 张家 金额 "
    "金属 金融 金色 金牌 金钱 金鱼 白天 白色 白菜 白领 白酒 安全 安排 安装 安静 安心 安慰 安卓 常见 常常 常用 常规 常识 于是 于此 任何 "
    "任务 任意 任职 任性 许多 许可 许愿 向前 向上 向下 向导 向来 时间 成功 成为 成本 江南 江山 江湖 严重 严格 严肃 毛病 毛巾 毛衣 毛笔 "
    "钱包 钱财 万一 万能 万元 万物 石头 石油 石家 石子 李子 何时 何必 何况 何处 何种 程序 程度 程式 夏天 夏季 夏日 武汉 武器 武术 武装 "
    "武力 龙卷 龙头 雷雨 雷电 雷达 贺卡 贺词 田径 田野 田园 华为 华人 华丽 林业 林木 徐徐 温度 温暖 温柔 温和 温馨 温泉 文化 文字 文章 文件 "
    "文学 文明 文艺 文具 文本 文献 连接 连续 连锁 连忙 连同 全部 全面 全国 全球 全身 全家 全力 全体 全文 单位 单独 单身 单词 单元 关系 关于 "
    "关键 关心 关注 关闭 关机 关节 都是 都会 都市 都有 简单 简历 简介 简直 简洁 古代 古典 古老 古人 古诗 易于 易懂 容易 容量 容忍 景色 "
    "景区 景点 司机 司法 秋天 秋季 秋风 车辆 车站 车间 车票 车主 周末 周围 周期 周年 周边 周一 周二 周三 周四 周五 周六 周日 和平 花园 花朵 "
    "花费 花生 花草 元素 元旦 元宵 平安 平时 平均 平台 平静 平常 平等 平凡 平衡 康复 康乐 富有 富裕 富贵 富强 应该 应用 应当 应对 应急 房间 "
    "房子 房屋 房东 房产 解决 解释 解答 解放 管理 管道 盛大 盛开 包括 包含 包装 包裹 左右 左边 左侧 左手 左眼 路上 路线 路口 路过 路边 路程 "
    "路人 江苏 江西 吉林 吉他 吉祥 商品 商业 商店 商务 商家 商场 商量 充分 充满 充电 充足 步骤 步行 步伐 满足 满意 满分 广告 广场 广泛 广大 "
    "广州 广东 东西 东方 东北 东部 东京 游戏 游客 游泳 游玩 权利 权力 权限 权威 益处 查看 查询 查找 尚未 尚可 代表 代码 代替 代理 代价 季节 季度 "
    "童年 童话 颜色 苏州 苏联 水平 祝福 祝贺 祝你 祝愿 项目 项链 纪念 纪律 舒适 舒服 席位 章节 章程 鲁迅 范围 范本 严厉 乐观 乐趣 乐队 乐器 齐全 "
    "余额 余下 余地 曲线 曲子 段落 段时 宁静 宁愿 宁可 甘甜 谷歌 谷物 祖国 祖先 班级 班长 巴黎 巴西 巴士 焦虑 焦点 石榴 洪水 宣布 宣传 宣言 "
    "冷静 冷水 冷漠 牛奶 牛肉 牛仔 欧洲 欧美 欧元 习惯 习近 艾滋 柔软 凤凰 花样 符合 符号 封面 封闭 储存 储蓄 翁婿 终于 终身 终端 终点 易燃 简易".split()
)
"""Words that begin with a surname, by their first two characters."""

THINGS = (
    "它 猫 猫咪 狗 狗狗 犬 兔 兔子 鱼 龟 鸟 鹦鹉 仓鼠 马 宠物 公司 集团 店 品牌 牌子 产品 商品 项目 系统 软件 平台 应用 游戏 "
    "书 小说 电影 歌 曲子 菜 酒 茶 学校 医院 小区 村 镇 城市 山 河 湖 岛 船 星球 机器人 助手 模型".split()
)
"""Animals and things, after which 名叫, 叫做 and 名字是 announce no person."""

GIVEN_EN = frozenset(
    "Aaron Abigail Ada Adam Adrian Agnes Aiden Alan Albert Alex Alexander Alexandra Alfred Alice Alicia Alison Allison Amanda Amber "
    "Amelia Amy Andrea Andrew Angela Anita Ann Anna Anne Annie Anthony Antonio Arthur Ashley Audrey Austin Barbara Beatrice Benjamin "
    "Bernard Beth Betty Beverly Bob Bonnie Brandon Brenda Brian Bruce Bryan Caleb Cameron Carl Carla Carlos Carmen Carol Caroline "
    "Carolyn Catherine Cathy Charles Charlotte Cheryl Chloe Chris Christian Christina Christine Christopher Cindy Claire Clara Cody "
    "Colin Connie Craig Crystal Cynthia Daisy Dan Daniel Danielle David Deborah Debra Denise Dennis Derek Diana Diane Donald Donna "
    "Doris Dorothy Douglas Dylan Edith Edward Edwin Eileen Elaine Eleanor Elena Elijah Elizabeth Ella Ellen Emily Emma Eric Erica Erin "
    "Ethan Eugene Eva Evan Evelyn Felix Fiona Florence Frances Francis Francisco Frank Fred Frederick Gabriel Gary George Gerald "
    "Geoffrey Gloria Gordon Grace Graham Greg Gregory Hannah Harold Harriet Harry Hazel Heather Helen Henry Howard Hugh Ian Irene Isaac "
    "Isabel Isabella Ivan Jack Jackie Jacob Jacqueline James Jamie Jane Janet Janice Jason Jasmine Jean Jeff Jeffrey Jennifer Jenny "
    "Jeremy Jerry Jesse Jessica Jill Jim Jimmy Joan Joanna Joe Joel John Johnny Jonathan Jordan Jose Joseph Joshua Joyce Juan Judith "
    "Judy Julia Julian Julie Justin Karen Karl Kate Katherine Kathleen Kathryn Kathy Katie Keith Kelly Ken Kenneth Kevin Kim Kimberly "
    "Kyle Lance Larry Laura Lauren Lawrence Leah Leo Leon Leonard Leslie Lewis Liam Lillian Lily Linda Lisa Logan Lois Louis Louise Lucas "
    "Lucy Luis Luke Lynn Madison Marcus Margaret Maria Marie Marilyn Mario Marion Marjorie Martha Martin Marvin Mary Mason Matt Matthew "
    "Maureen Megan Melanie Melissa Mia Michael Michelle Miguel Mike Mildred Molly Monica Nancy Naomi Natalie Nathan Nathaniel Neil "
    "Nicholas Nicole Nina Noah Nora Norman Oliver Olivia Oscar Pamela Patricia Patrick Paul Paula Pauline Peggy Peter Philip Phillip "
    "Phyllis Priya Rachel Ralph Ramon Randy Raymond Rebecca Ricardo Richard Rita Robert Roberta Robin Rodney Roger Roland Ronald Ronnie "
    "Rosa Rosemary Roy Russell Ruth Ryan Sally Sam Samantha Samuel Sandra Sara Sarah Scott Sean Sebastian Sergio Seth Sharon Sheila "
    "Shirley Simon Sofia Sonia Sophia Sophie Stacy Stanley Stella Stephanie Stephen Steve Steven Stuart Sue Susan Suzanne Sylvia Tamara "
    "Tara Ted Teresa Terry Thelma Theodore Theresa Thomas Tiffany Tim Timothy Tina Todd Tom Tony Tracy Travis Tyler Valerie Vanessa Vera "
    "Veronica Victor Victoria Vincent Virginia Vivian Walter Wanda Wayne Wendy William Xavier Yolanda Yvonne Zachary Zoe "
    "Ahmed Ali Amir Anil Arjun Ayesha Boris Chen Dmitri Fatima Giovanni Hans Hiroshi Ibrahim Igor Ingrid Ivana Jorge Jose Jürgen Kenji "
    "Klaus Lars Li Luca Magnus Marco Mei Mohamed Mohammed Muhammad Natasha Olga Omar Pablo Pedro Pierre Raj Ravi Sanjay Sven Tatiana "
    "Vladimir Wei Yuki Yusuf".split()
)
NOT_NAMES_EN = frozenset(
    "Sir Sirs Madam Customer Customers Team All Everyone Friend Friends Hiring Manager Professor Doctor President Minister Speaker "
    "Chairman Judge God Lord Santa Right The This That Not None Unknown Required Here There Yes No Ok Okay Sorry Happy Glad Chinese "
    "American English French German British Indian Japanese Christian Jewish Muslim Catholic AI ChatGPT GPT Claude Assistant Siri Alexa "
    "Best Kind Warm Regards Sincerely Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July "
    "August September October November December New Your My His Her Our Their Valued Human Resources Support Service Sales".split()
)
WORDS_TOO_EN = frozenset(
    "Amber Angel April Art August Autumn Basil Bill Brook Buck Carol Chance Charity Chase Chip Christian Cliff Cook Crystal Daisy Dale "
    "Dawn Dean Destiny Don Drew Earl Eve Faith Frank Gene Ginger Glen Grace Grant Guy Harmony Hazel Heath Heather Holly Hope Hunter Iris "
    "Ivy Jack Jade Jasmine Jordan Joy June King Lance Lane Lily Major Mark Marshall Mason Max May Melody Miles Nick Norm Olive Parker Pat Patience "
    "Pearl Penny Pierce Prince Ray Rich River Rob Robin Rock Rose Rosemary Ruby Rusty Sage Sandy Scout Sky Star Stone Sue Summer Tiffany "
    "Victor Victoria Violet Wade Ward Will".split()
)
"""Given names that are words or other names as well, at least at the beginning of a sentence."""
OWNERS_EN = frozenset(
    "my your his her their our the whose full first last given family middle maiden real legal actual customer client "
    "patient contact person user guest visitor sender receiver recipient payee payer holder cardholder owner employee "
    "employer applicant student pupil teacher doctor nurse lawyer agent manager boss director assistant secretary driver "
    "tenant landlord neighbour neighbor friend colleague partner husband wife spouse fiance girlfriend boyfriend father "
    "mother dad mum mom parent son daughter child kid baby brother sister sibling uncle aunt cousin nephew niece "
    "grandfather grandmother grandpa grandma grandson granddaughter member passenger insured beneficiary signatory buyer "
    "seller author billing shipping mailing display and or".split()
)
"""Words before *name* (her name is, Customer name:, the manager's name is) after which it is a person's."""
