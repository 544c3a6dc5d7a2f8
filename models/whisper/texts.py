"""Writes the texts that are spoken for training, as people say them: numbers in characters, simplified
script, punctuation.

    texts.py OUT.tsv [--data DIR] [--count N] [--seed S]     DIR: the public data (text/)

A line is a kind and a text. Any beginning of the file has the same mixture of kinds, so synthesis may
stop anywhere. Of several candidates the one with the rarest characters is taken, and every common
character occurs, most of them within the first thousands of lines. Without citizens' written messages (text/) there
are none of that kind.
"""

import argparse
import csv
import hashlib
import re
import tomllib
from collections import Counter, deque
from pathlib import Path

import numpy as np
import zstandard

import words as w

HERE = Path(__file__).parent
DIGITS = "零一二三四五六七八九"
SPOKEN = re.compile("[\u4e00-\u9fff，。？！、]+")
# The usual characters: level 1 of GB 2312, 3,755 of them.
COMMON = {bytes([high, low]).decode("gb2312", "ignore") for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF)} - {""}
# Share of each kind.
KINDS = {"call": 0.2, "message": 0.14, "seed": 0.05, "number": 0.13, "amount": 0.12, "address": 0.09, "service": 0.07,
         "command": 0.08, "news": 0.05, "word": 0.1, "reply": 0.04, "name": 0.03}


def number(n, two="二"):
    """A whole number as it is said."""
    if n == 0:
        return "零"
    out, missing = "", False
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if n >= unit:
            out, n = out + number(n // unit, two) + name, n % unit
            missing = 0 < n < unit // 10
            if n == 0:
                return out
    if missing:
        out += "零"
        missing = False
    began = bool(out)
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, n = n // unit, n % unit
        if digit:
            if missing and began:
                out += "零"
            missing = False
            tens = unit == 10 and digit == 1 and not began
            out += ("" if tens else two if digit == 2 and unit > 10 else DIGITS[digit]) + name
            began = True
        elif began and n:
            missing = True
    return out


def rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Texts:
    def __init__(self, data, seed):
        self.chance = np.random.default_rng(seed)
        with zstandard.open(HERE.parents[1] / "city/places/address.tsv.zst", "rt", encoding="utf-8") as file:
            table = file.read()
        self.places = dict(line.split("\t") for line in table.splitlines())
        self.streets = [code for code in self.places if len(code) == 9]
        self.cities = [name for code, name in self.places.items() if len(code) == 4]
        self.messages = deque(self.shuffled(self.clauses(data / "text")) if data else [])
        seeds = (HERE.parent / "nlu/seeds").glob("*.tsv")
        lines = {line.split("\t")[0] for path in sorted(seeds) for line in path.read_text().splitlines()[1:]}
        self.seeds = deque(self.shuffled(sorted(line for line in lines if SPOKEN.fullmatch(line))))
        departments = tomllib.loads((HERE.parents[1] / "city/departments.toml").read_text())["department"]
        self.offices = w.OFFICES + [name for d in departments for name in [d["name"], *d["aliases"]]]
        self.lexicon, self.lexicon_names = self.words_of_jieba()

    # Chances.

    def shuffled(self, items):
        return [items[i] for i in self.chance.permutation(len(items))]

    def one(self, items):
        return items[self.chance.integers(len(items))]

    def maybe(self, share, text):
        return text if self.chance.random() < share else ""

    def whole(self, low, high):
        return int(self.chance.integers(low, high + 1))

    def either(self, *makers):
        made = self.one(makers)
        return made() if callable(made) else made

    # Sources.

    def clauses(self, folder):
        """Clauses of citizens' written messages, with names put where they are masked. Of ten messages one
        is kept for development, by a hash of its beginning, which near-duplicates share."""
        files = {"complaint_bodies": ["detail"], "complaint_titles": ["title"], "citizen_messages": ["留言"],
                 "hot_messages": ["留言主题", "留言详情"], "gov_qa": ["用户问题"]}
        found = set()
        for name, columns in files.items():
            path = folder / f"{name}.csv"
            for row in rows(path) if path.exists() else []:
                for column in columns:
                    text = re.sub(r"\s", "", row.get(column) or "")
                    if int(hashlib.sha256(text[:12].encode()).hexdigest(), 16) % 10 == 0:
                        continue
                    for clause in re.split(r"[。！？!?；;]+", text):
                        clause = re.sub(r"[“”\"‘’《》()（）【】\[\]…—~～\-]", "", re.sub(r"[,：:]", "，", clause))
                        clause = re.sub(r"[A-Z]\d*(?=[市区县])|\*+|[xX]{2,}", "", clause)
                        clause = re.sub(r"\d+", lambda m: self.read(m.group()), clause).strip("，、")
                        if 5 <= len(clause) <= 42 and SPOKEN.fullmatch(clause):
                            found.add(clause)
        return sorted(found)

    def words_of_jieba(self):
        """Words of jieba's dictionary (MIT) by the characters in them, the usual ones first, and those that
        shops, streets and songs may be called."""
        import jieba

        lexicon, names = {}, []
        with open(Path(jieba.__file__).parent / "dict.txt", encoding="utf-8") as file:
            for line in file:
                word, count, kind = line.split()
                if 2 <= len(word) <= 4 and int(count) >= 3 and all(ch in COMMON for ch in word):
                    if int(count) >= 80:
                        names.append(word)
                    for ch in set(word):
                        lexicon.setdefault(ch, []).append((int(count), word))
        # A character's first sixty words are enough to choose from.
        return {ch: [word for _, word in sorted(found, reverse=True)[:60]] for ch, found in lexicon.items()}, names

    # Numbers.

    def read(self, digits):
        if len(digits) < 4 and digits[0] != "0":
            return number(int(digits))
        return "".join(DIGITS[int(c)] for c in digits)

    def spell(self, digits, one=None):
        one = one or self.one(["幺", "幺", "一"])
        return "".join(one if c == "1" else DIGITS[int(c)] for c in digits)

    def random_digits(self, count):
        return "".join(str(self.whole(0, 9)) for _ in range(count))

    def grouped(self, digits, sizes):
        one, groups, at = self.one(["幺", "幺", "一"]), [], 0
        for size in sizes:
            groups.append(self.spell(digits[at : at + size], one))
            at += size
        return "，".join(groups)

    def phone(self):
        kind = self.whole(0, 9)
        if kind < 7:
            digits = self.one(["13", "15", "18", "17", "19", "16", "14"]) + self.random_digits(9)
            sizes = [(11,), (11,), (3, 4, 4), (3, 4, 4), (3, 4, 4), (4, 3, 4), (3, 8), (3, 3, 3, 2), (5, 6), (4, 4, 3), (2, 3, 3, 3)]
            return self.grouped(digits, self.one(sizes))
        if kind < 9:
            digits = self.one(["010", "021", "0571", "0731", "028", "027", "0591", "025", ""]) + str(self.whole(2, 8)) + self.random_digits(7)
            head = len(digits) - 8
            return self.grouped(digits, ((head,) if head else ()) + self.one([(8,), (4, 4), (2, 2, 2, 2)]))
        return self.spell(self.one(["110", "119", "120", "122", "12345", "12315", "12333", "10086", "95598", "95533", "4008" + self.random_digits(6)]))

    def digits(self):
        return self.spell(self.random_digits(self.whole(1, 12) if self.chance.random() < 0.7 else self.whole(12, 18)))

    def identity(self):
        digits = self.one(["110101", "430102", "320106", "510107", "410105", "420111", "610113"]) + str(self.whole(1945, 2012)) + f"{self.whole(1, 12):02}{self.whole(1, 28):02}" + self.random_digits(3)
        return self.grouped(digits + str(self.whole(0, 9)), self.one([(18,), (6, 8, 4), (3, 3, 4, 4, 4), (6, 4, 4, 4)]))

    def plate(self):
        return self.one("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤川青藏琼宁") + "牌照" + self.spell(self.random_digits(5))

    def numbers(self):
        p, d = self.phone, self.digits
        return self.either(
            p, p, p, p, d, d, d, d,
            lambda: f"我的电话是{p()}", lambda: f"联系电话{p()}", lambda: f"手机号是{p()}，就是这个", lambda: f"你记一下啊，{p()}",
            lambda: f"不对，最后四位是{self.spell(self.random_digits(4))}", lambda: f"中间是{self.spell(self.random_digits(4))}",
            lambda: f"尾号{self.spell(self.random_digits(4))}", lambda: f"身份证号{self.identity()}", self.identity,
            lambda: f"车牌号是{self.plate()}", lambda: f"验证码是{self.spell(self.random_digits(6))}",
            lambda: f"工单号{d()}", lambda: f"订单号是{d()}", lambda: f"户号{self.spell(self.random_digits(10))}",
            lambda: f"幺三八，不对，是{self.phone()}", lambda: f"打我爱人的电话吧，{p()}", lambda: f"区号{self.spell('0' + self.random_digits(3))}，电话{p()}",
            lambda: f"银行卡号{self.grouped('62' + self.random_digits(14), (4, 4, 4, 4))}", lambda: f"房间号{self.spell(self.random_digits(4))}",
            lambda: f"{self.spell(self.random_digits(3))}路公交车", lambda: f"拨打{p()}", lambda: f"你打这个号码，{p()}，找{self.person()}")

    def date(self):
        year = self.one(["", "", "", "今年", "去年", self.spell(str(self.whole(1958, 2027)), "一") + "年"])
        day = number(self.whole(1, 31)) + self.one(["号", "号", "日"])
        return year + number(self.whole(1, 12)) + "月" + self.one([day, day, day, "份", "底", "初"])

    def clock(self):
        hour = self.one(["", "早上", "上午", "中午", "下午", "晚上", "凌晨", "半夜"]) + number(self.whole(1, 24), "两").replace("十两", "十二")
        minute = self.one(["点", "点", "点半", "点多", "点钟", "点一刻", "点三刻", f"点{number(self.whole(11, 59))}分", f"点零{DIGITS[self.whole(1, 9)]}分", f"点{number(self.whole(11, 59))}"])
        return ("两" if hour == "二" else hour) + minute

    def when(self):
        return self.either(
            lambda: self.one("昨天 今天 前天 大前天 上个月 这个月 上周五 上个星期三 最近 这几天 每天 周末 礼拜天 国庆节 春节 端午节 从去年开始 刚才 前几天 上半年".split()) + self.one(["", "", "晚上", "早上"]),
            lambda: self.date() + self.maybe(0.4, self.clock()), self.clock, self.date,
            lambda: f"从{self.date()}开始", lambda: f"{self.clock()}到{self.clock()}", lambda: f"{number(self.whole(2, 20), '两')}{self.one(['天', '个月', '年', '个小时', '个星期'])}{self.one(['前', '以来', '左右', '以后'])}")

    def money(self):
        size = self.whole(1, 6)
        n = self.whole(1, 10**size)
        if self.chance.random() < 0.5 and n > 100:
            n = round(n, -2)
        text = number(n, self.one(["二", "两"]))
        text = re.sub("^二(?=[千万亿])", "两", text)
        unit = self.one(["块", "块钱", "元", "元钱", "块", "元"])
        cents = self.one(["", "", "", f"{unit[0]}{DIGITS[self.whole(1, 9)]}{self.one(['', '毛', '角'])}", f"点{DIGITS[self.whole(0, 9)]}{DIGITS[self.whole(1, 9)]}{unit}"])
        return text + (cents or unit) if "万" not in text or self.chance.random() < 0.5 else f"{self.one(['', '大概', '将近'])}{number(self.whole(1, 300))}万{self.one(['', unit, '多', '左右'])}"

    def decimal(self):
        return f"{number(self.whole(0, 2000))}点{self.spell(self.random_digits(self.whole(1, 3)), '一')}"

    def amount(self):
        m, big = self.money, lambda: number(self.whole(1, 10 ** self.whole(1, 9)))
        return self.either(
            m, m, self.date, self.date, self.clock, self.clock, self.when, self.decimal, big, big,
            lambda: f"一共{m()}", lambda: f"交了{m()}", lambda: f"每个月{m()}", lambda: f"欠我{m()}工资", lambda: f"押金{m()}不退",
            lambda: f"百分之{self.one([number(self.whole(1, 100)), self.decimal()])}", lambda: f"{self.decimal()}{self.one(['公里', '平方米', '公斤', '度', '吨', '米', '亿元', '万吨', '个百分点', '亿美元'])}",
            lambda: f"{number(self.whole(2, 300), '两')}{self.one(['平米', '个人', '户', '栋楼', '层', '米', '公里', '斤', '亩', '度', '次', '遍', '名', '辆车', '家', '个', '岁', '分钟', '吨', '天'])}",
            lambda: f"从{self.when()}到现在，{self.one(['一直', '还是'])}没有解决", lambda: f"{self.when()}交的{m()}，到现在没有退",
            lambda: f"原价{m()}，涨到{m()}", lambda: f"我今年{number(self.whole(18, 95))}了", lambda: f"他是{self.spell(str(self.whole(1930, 2020)), '一')}年生的",
            lambda: f"{self.date()}{self.clock()}办的", lambda: f"第{number(self.whole(1, 120))}{self.one(['条', '页', '届', '名', '次', '批', '期', '号'])}", lambda: f"{number(self.whole(2, 9))}分之{DIGITS[self.whole(1, 8)]}",
            lambda: f"气温{self.one(['', '零下'])}{number(self.whole(1, 40))}度", lambda: f"水费{m()}，电费{m()}", lambda: f"{self.clock()}的{self.one(['火车', '航班', '高铁', '号', '会'])}",
            lambda: f"单价{m()}，面积{self.decimal()}平方", lambda: f"{self.spell(self.random_digits(2))}比{self.spell(self.random_digits(2))}", lambda: f"转账{m()}给{self.person()}")

    # Names and places.

    def person(self):
        surname = self.one(w.SURNAMES) if self.chance.random() < 0.97 else self.one(w.COMPOUND)
        return surname + self.one(w.GIVEN) + self.maybe(0.65, self.one(w.GIVEN))

    def region(self):
        code = self.one(self.streets)
        street, area, city, province = (self.places.get(code[:length], "") for length in (9, 6, 4, 2))
        city = "" if city in ("市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划") else city
        short = re.sub("(街道办事处|街道|镇|乡)$", "", street)
        name = street if self.chance.random() < 0.7 or len(short) < 2 else short
        areas = "" if area in ("市辖区", "县") else area
        text = self.one([areas + name, areas, name, city + areas, city + areas + name, province + city, province + city + areas])
        return text if SPOKEN.fullmatch(text or "-") else "和平区"

    def road(self):
        return self.one(w.ROADS) + self.one(["", "东段", "西段", "北口", "南口"]) if self.chance.random() < 0.6 else self.one(self.lexicon_names) + self.one(["路", "街", "大道", "巷", "胡同", "东路", "西街"])

    def estate(self):
        return self.one(w.ESTATES) + self.maybe(0.2, self.one(["一期", "二期", "三期", "东区", "西区", "北院"])) if self.chance.random() < 0.6 else self.one(self.lexicon_names) + self.one(["小区", "花园", "新村", "苑", "家园", "公寓", "大厦", "广场", "村", "里"])

    def door(self):
        building = number(self.whole(1, 60)) + self.one(["号楼", "号楼", "栋", "幢", "号院"])
        unit = self.maybe(0.7, number(self.whole(1, 8)) + "单元")
        floor = self.one([f"{DIGITS[self.whole(1, 9)]}零{DIGITS[self.whole(1, 9)]}", self.spell(str(self.whole(1001, 3309)), "一"), self.spell(str(self.whole(1001, 3309)), "幺"), number(self.whole(1, 33)) + "楼", number(self.whole(1, 33)) + "层"])
        return building + unit + self.maybe(0.7, floor + self.one(["", "", "室", "号"]) if floor[-1] not in "楼层" else floor)

    def place(self):
        return self.either(
            self.region, lambda: self.region() + self.road() + number(self.whole(1, 999)) + "号", lambda: self.estate() + self.door(), lambda: self.region() + self.estate() + self.door(),
            lambda: f"{self.road()}和{self.road()}交叉口", lambda: f"{self.road()}{self.one(w.PLACES)}", lambda: f"{self.estate()}{self.one(['门口', '对面', '旁边', '北门', '地下车库', '后面'])}",
            lambda: f"{self.one(w.PLACES)}{self.one(['门口', '对面', '旁边', '往东一百米', '后面', '附近'])}", lambda: self.road() + number(self.whole(1, 999)) + "号" + self.maybe(0.3, "院"), self.estate)

    def address(self):
        return self.one(["", "", "", "我住在", "地址是", "就在", "在", "是", "嗯，在", "麻烦送到", "在那个", "具体地址是"]) + self.place() + self.maybe(0.15, "，" + self.one(["对", "旁边那栋", "你记一下", "就是那个路口", "顶楼"]))

    def firm(self):
        name = self.one(w.COMPANY) + self.one(w.COMPANY) if self.chance.random() < 0.7 else self.one(self.lexicon_names)
        return self.maybe(0.3, self.city()) + name + self.one(w.TRADE) + self.maybe(0.2, self.one(["有限公司", "集团", "股份有限公司", "公司"]))

    def city(self):
        name = self.one([n for n in self.cities if n.endswith("市") and len(n) < 5])
        return name[:-1]

    def shop(self):
        return self.one(self.lexicon_names) + self.one("饭店 酒楼 大药房 便利店 理发店 宾馆 咖啡馆 火锅城 幼儿园 驾校 眼镜店 茶楼 水果店 面馆 超市 网吧 书店 花店".split()) + self.maybe(0.3, self.city() + "店")

    # Sentences.

    def call(self):
        matter, place = self.one(w.MATTERS), self.maybe(0.5, self.one(["我们", "我住", "在", "", "就是", "位于"]) + self.place() + self.one(["，", "，", "这边，", "这里，"]))
        opener, ending = self.maybe(0.4, self.one(w.OPENERS)), self.maybe(0.6, "，" + self.one(w.ENDINGS))
        time = self.maybe(0.3, self.when() + self.one(["，", "", "就"]))
        text = opener + self.either(lambda: time + place + matter, lambda: place + time + matter, matter, lambda: place + matter) + ending
        return self.either(
            lambda: text, lambda: text, lambda: text, lambda: self.hesitant(text),
            lambda: f"{opener}{self.one(self.offices)}{self.one(['的人说', '说', '让我找', '那边说', '推给'])}{self.one([self.one(self.offices), '不归他们管', '要等通知', '没有这个政策', '让我打这个热线', '已经登记了'])}",
            lambda: f"{opener}{self.shop()}{self.one(['，', '这家店，', '，就在' + self.place() + '，'])}{matter}",
            lambda: f"{self.firm()}{self.one(['拖欠我', '克扣我', '扣了我', '欠我们'])}{number(self.whole(2, 12), '两')}个月{self.one(['工资', '加班费', '货款', '工程款'])}{ending}",
            lambda: f"{self.one(['我叫', '我姓', '免贵姓', '我的名字是', '他叫', '找一下', '负责人叫'])}{self.person()}",
            lambda: f"{opener}{place}不对，不是{self.place()}，是{self.place()}", lambda: f"{self.when()}{self.one(['发生的', '开始的', '就这样了', '我去过一次'])}{ending}",
            lambda: f"{opener}{self.one(self.offices)}的电话{self.one(['是多少', '打不通', '没人接', '你帮我查一下'])}", lambda: f"{opener}{self.one(self.offices)}在哪里，{self.one(['怎么走', '几点上班', '周六上不上班'])}")

    def hesitant(self, text):
        """As people speak who think while they speak: fillers, repeated words, sentences begun anew."""
        clauses = [c for c in re.split("[，。]", text) if c]
        out = []
        for clause in clauses:
            kind = self.chance.random()
            if kind < 0.25:
                clause = self.one(w.FILLERS) + self.maybe(0.5, "，") + clause
            elif kind < 0.4 and len(clause) > 3:
                clause = clause[:2] + "，" + clause
            elif kind < 0.5:
                clause = clause + self.one(["啊", "嘛", "呢", "吧", "了", "呀"])
            out.append(clause)
        return "，".join(out)

    def message(self):
        if not self.messages:
            return self.call()
        text = self.messages.popleft()
        return self.maybe(0.15, self.one(w.OPENERS)) + (self.hesitant(text) if self.chance.random() < 0.2 else text)

    def seed(self):
        if not self.seeds:
            return self.call()
        text = self.seeds.popleft()
        return self.maybe(0.2, self.one(w.OPENERS)) + (self.hesitant(text) if self.chance.random() < 0.3 else text)

    def service(self):
        line = self.one(w.SERVICE)
        polite = lambda: self.maybe(0.6, self.person()[0] + self.one(["先生", "女士"]) + "，") + self.one(["您好，", "", "好的，"])
        return self.either(
            line, line, line, lambda: polite() + line,
            lambda: f"{polite()}您的{self.one(['电话', '手机号码'])}是{self.phone()}，对吗？", lambda: f"{polite()}您反映的是{self.one(w.MATTERS)}，是吗？",
            lambda: f"请您于{self.date()}{self.clock()}之前到{self.one(self.offices)}办理。", lambda: f"地址是{self.place()}，对吧？",
            lambda: f"您的{self.one(['话费', '电费', '水费', '燃气费', '保费', '账单'])}是{self.money()}。", lambda: f"您购买的{self.one(w.DISHES + w.DEVICES)}已经{self.one(['发货', '签收', '退款', '下单成功'])}。",
            lambda: f"您的快递由{self.person()}派送，电话{self.phone()}。", lambda: f"这边给您转到{self.one(self.offices)}，请稍等。",
            lambda: f"您预约的是{self.date()}{self.clock()}，{self.one(['请准时到场', '可以吗', '需要改时间吗'])}。", lambda: f"我是{self.firm()}的客服{self.one(['', '工号' + self.digits() + '，'])}很高兴为您服务。",
            lambda: f"{self.one(['套餐', '会员', '保险', '课程'])}{self.one(['每月', '一年', '一次'])}{self.money()}，{self.one(['包含', '赠送'])}{number(self.whole(2, 500), '两')}{self.one(['分钟通话', '个流量', '次检测', '节课'])}。")

    def command(self):
        song, film, device = self.one(w.SONGS), self.one(w.FILMS), self.one(w.DEVICES)
        degrees = number(self.whole(16, 60)) + "度"
        return self.either(
            lambda: f"{self.one(['打开', '关闭', '关掉', '开启', '启动', '停止', '重启', '帮我打开', '把', '请打开'])}{device}".replace("把" + device, f"把{device}{self.one(['打开', '关了', '调亮一点', '调到最大'])}"),
            lambda: f"{self.one(['温度调到', '设为', '空调调到', '把温度升到', '降到', '湿度调成', '亮度调到百分之'])}{degrees}".replace("百分之" + degrees, "百分之" + degrees[:-1]),
            lambda: f"{self.one(['导航到', '导航去', '我要去', '带我去', '去', '怎么去', '查一下', '附近有没有'])}{self.either(self.place, self.shop, lambda: self.one(w.PLACES))}",
            lambda: f"{self.one(['播放', '放一首', '来一首', '我想听', '想听歌曲', '给我放', '搜索歌曲', '单曲循环'])}{self.one([song, self.person() + '的' + song, self.one(self.lexicon_names), self.person() + '的歌'])}",
            lambda: f"{self.one(['我要看', '播放电影', '搜索', '看电视剧', '下载', '有没有'])}{self.one([film, self.person() + '演的' + film, self.one(self.lexicon_names)])}",
            lambda: f"{self.one(['呼叫', '打电话给', '给', '拨打', '联系'])}{self.person()}".replace("给" + "给", "给"), lambda: f"{self.one(['查询', '看一下', '今天', ''])}{self.firm()}{self.one(['股票', '股价', '的行情', '', '涨了多少'])}",
            self.shop, self.firm, self.estate, self.road, lambda: song, lambda: film, self.person, lambda: self.one(w.DISHES), self.region,
            lambda: f"{self.one(['明天', '后天', '周末', '今天晚上'])}{self.city()}{self.one(['天气怎么样', '下不下雨', '有多少度', '空气质量如何'])}",
            lambda: f"{self.one(['设一个', '定', '取消'])}{self.clock()}的闹钟", lambda: f"{self.one(['提醒我', '记得'])}{self.when()}{self.one(['开会', '吃药', '接孩子', '交房租', '浇花'])}",
            lambda: f"{self.one(['音量', '声音', '风速', '屏幕', '字体'])}{self.one(['大一点', '小一点', '调到最大', '关掉', '再低一些', '加两格'])}", lambda: f"{self.one(['下一首', '上一首', '暂停', '继续播放', '快进两分钟', '返回', '换一个', '静音', '切到第三频道', '锁屏', '退出', '收藏这首歌'])}",
            lambda: f"{self.city()}{self.one(['到', '飞', '去'])}{self.city()}的{self.one(['机票', '高铁票', '火车票', '长途汽车'])}", lambda: f"{self.city()}市{self.one(self.offices)}")

    def news(self):
        who = self.either(self.firm, lambda: self.city() + self.one(["市政府", "警方", "法院", "市民", "消防", "海关"]), lambda: self.one(["业内人士", "专家", "分析师", "记者", "消费者", "开发商", "投资者", "球迷", "教练", "研究人员", "气象部门", "有关部门", "国家统计局", "发言人", "监管部门", "当事人", "目击者", "家长", "商户", "医生"]), self.person)
        topic = self.one("房价 楼市 股市 油价 粮价 汇率 出口 消费 工业增加值 居民收入 土地供应 新能源汽车 智能手机 人工智能 芯片 养老服务 职业教育 高考改革 医疗改革 足球联赛 冬季运动 环境治理 食品安全 网络安全 乡村旅游 文化遗产 电影票房 快递业务量 铁路投资 航天发射".split())
        change = self.one("同比增长 环比下降 小幅上涨 大幅下跌 较上月回落 比去年提高 累计减少 首次突破 接近 超过 不足 回升到".split())
        return self.either(
            lambda: f"{self.date()}，{topic}{change}百分之{self.one([self.decimal(), number(self.whole(1, 99))])}",
            lambda: f"{who}{self.one(['表示', '认为', '指出', '透露', '告诉记者', '预计', '坦言'])}，{topic}{self.one(['的供需关系正在改变', '还有很大的空间', '短期内难以好转', '已经走出低谷', '面临新的挑战', '需要完善监管', '关系到千家万户', '出现了分化', '将会保持平稳', '不应该一哄而上', '仍然存在泡沫'])}",
            lambda: f"{who}{self.one(['宣布', '决定', '计划', '拟', '否认', '正式'])}{self.one(['收购', '投资', '召回', '发布', '起诉', '推出', '减持', '整顿'])}{self.one([self.firm(), topic + '项目', '新一代产品', '部分资产'])}",
            lambda: f"{self.city()}{self.one(['一名男子', '一家三口', '一位老人', '两名学生', '多名游客', '一辆客车'])}{self.one(['因', '由于'])}{self.one(['酒后驾驶', '操作不当', '邻里纠纷', '天气恶劣', '涉嫌诈骗', '抢救及时'])}{self.one(['被拘留', '坠入河中', '发生争执', '被困山中', '脱离危险', '受到处罚', '获得赔偿'])}",
            lambda: f"{self.one(['受此影响', '与此同时', '值得注意的是', '在此之前', '截至发稿时', '据了解', '不过', '数据显示', '换句话说', '从长远来看'])}，{who}{self.one(['没有作出回应', '已经介入调查', '正在寻找替代方案', '纷纷下调预期', '持谨慎态度', '加快了布局', '损失惨重', '排起了长队'])}",
            lambda: f"{self.one(['本届', '上届', '首届'])}{self.one(['锦标赛', '博览会', '论坛', '运动会', '电影节', '书展'])}{self.one(['在' + self.city() + '落下帷幕', '吸引了' + number(self.whole(20, 900000)) + '名观众', '将于' + self.date() + '开幕'])}",
            lambda: f"{self.person()}以{self.decimal()}{self.one(['秒', '分', '米'])}的成绩{self.one(['夺得冠军', '获得银牌', '排名第' + number(self.whole(2, 30)), '打破纪录'])}")

    def word_with(self, ch):
        found = self.lexicon.get(ch) or [ch]
        return found[min(len(found) - 1, int(self.chance.exponential(4)))]

    def word_text(self, ch, another):
        """A sentence around words with characters that have been rare so far."""
        word, other = self.word_with(ch), self.word_with(another)
        return self.either(
            word, lambda: f"{word}，{other}", lambda: f"{word}的{ch}", lambda: f"什么叫{word}", lambda: f"他说的是{word}，不是{other}", lambda: f"{self.person()}和{word}",
            lambda: f"我觉得{word}{self.one(['很好', '不对', '有问题', '挺贵的', '没有用', '太少了'])}", lambda: f"这里有{word}和{other}", lambda: f"关于{word}的{self.one(['问题', '事情', '规定', '消息'])}",
            lambda: f"{self.one(w.MATTERS)}，{word}", lambda: f"{self.when()}{word}", lambda: f"把{word}{self.one(['写下来', '拿走', '放在桌子上', '告诉他'])}", lambda: f"没有{word}怎么行", lambda: f"他们都在谈论{word}",
            lambda: f"{word}、{other}、{self.one(self.lexicon_names)}")

    def name(self):
        person = self.person()
        return self.either(person, lambda: f"我叫{person}", lambda: f"我姓{person[0]}，叫{person}", lambda: f"{person[0]}{self.one(['先生', '女士', '师傅', '老师', '主任', '经理', '阿姨', '大爷', '书记'])}", lambda: f"{person}，{self.phone()}", lambda: f"{self.one(['户主', '法人', '老板', '举报人', '联系人', '孩子'])}是{person}", lambda: f"{self.one(self.offices)}的{person}")

    def make(self, kind, rare):
        makers = {"call": self.call, "message": self.message, "seed": self.seed, "number": self.numbers, "amount": self.amount,
                  "address": self.address, "service": self.service, "command": self.command, "news": self.news,
                  "reply": lambda: self.one(w.REPLIES), "name": self.name, "word": lambda: self.word_text(*rare)}
        return tidy(makers[kind]())

    def written(self, count):
        """Kind and text, one after the other."""
        missing = deque(self.shuffled(sorted(COMMON)))
        seen, spoken = Counter(), set()
        kinds, shares = list(KINDS), np.array(list(KINDS.values()))
        # Carried forward, what a kind is owed keeps every beginning of the file in proportion.
        owed = self.chance.random(len(kinds)) * 0.5
        for _ in range(count):
            owed += shares
            index = int(np.argmax(owed + self.chance.random(len(kinds)) * 0.5))
            owed[index] -= 1
            kind, rare = kinds[index], None
            if kind == "word":
                # The rarest of some characters that have waited longest.
                rare = sorted((missing[i] for i in range(200)), key=lambda c: seen[c])[:2]
                for ch in rare:
                    missing.remove(ch)
                    missing.append(ch)
            several = 1 if kind in ("message", "seed", "reply") else 4
            texts = [self.make(kind, rare) for _ in range(several)]
            texts = [text for text in texts if SPOKEN.fullmatch(text) and in_gb(text) and 1 <= len(text) <= 90 and (text not in spoken or kind == "reply")]
            if not texts:
                continue
            text = max(texts, key=lambda t: sum(1 / (1 + seen[c]) for c in t) / (len(t) + 4))
            seen.update(text)
            spoken.add(text)
            yield kind, text


def in_gb(text):
    """Whether it is simplified script, without the rarest characters."""
    return text.encode("gb2312", "ignore").decode("gb2312") == text


def tidy(text):
    text = re.sub("(从|到|，)\\1+", r"\1", text).strip("，、")
    text = re.sub("([。？！])[，。]+", r"\1", text)
    text = re.sub("，([。？！])", r"\1", text)
    if text and text[-1] not in "。？！":
        question = re.search("(吗|呢|怎么办|怎么办理|多少|哪里|怎么走|怎么申请|怎么样|什么时候.*|什么|怎么行)$", text)
        text += "？" if question else "。"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=12345)
    arguments = parser.parse_args()
    texts = Texts(arguments.data, arguments.seed)
    seen, lengths = Counter(), []
    with open(arguments.out, "w", encoding="utf-8") as out:
        for kind, text in texts.written(arguments.count):
            out.write(f"{kind}\t{text}\n")
            seen.update(text)
            lengths.append(len(text))
    print(f"{len(lengths)} texts of {sum(lengths) / len(lengths):.1f} characters; of {len(COMMON)} usual characters "
          f"{sum(1 for ch in COMMON if seen[ch])} occur, {sum(1 for ch in COMMON if seen[ch] >= 3)} at least three times")


if __name__ == "__main__":
    main()
