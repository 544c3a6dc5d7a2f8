//! What stands beside names: words that announce one, words that go with one, forms of address.

use crate::heard::is_at;

/// What stands before a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    /// Somebody says his whole name next.
    Whole,
    Announced,
    /// A name often stands beside such a word.
    Beside,
    /// A clause begins.
    Opening,
    /// 和, 让, 我.
    Joined,
    /// A character that ends no word that a name follows.
    Other,
}

/// What begins at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Nothing,
    Title,
    /// What somebody does who is named first: 反映.
    Does,
    /// A clause is over.
    Closing,
    /// 的, 说.
    Joined,
    /// 昨天, 又.
    Adverb,
}

/// Words by which somebody says a whole name, whatever it is made of.
const WHOLE: &str = "我叫 名叫 姓名 名字叫 媳妇叫";
/// Words after which a name is all but certain.
const ANNOUNCED: &str = "叫 名字 联系人 户主 投诉人 举报人 反映人 申请人 负责人 法人 法人代表 当事人 受害人 \
    报案人 收件人 寄件人 来电人 租客 租户 业主 机主 车主 死者 伤者 患者 病人 学生 人叫 姓 签字的是 \
    经办人 承办人 代理人 委托人 被告 原告 被举报人 业务员 推销员 骑手 代办人 权利人 产权人 登记人 借款人 担保人 监护人 署名 落款 原名 曾用名 真名 五保户 \
    低保户 来信人 诉求人 信访人 发件人 付款人 收款人 持卡人 考生 学员";
/// Words beside which a name often stands.
const BESIDE: &str = "我是 找 民警 警官 医生 大夫 护士 老师 校长 主任 书记 村长 经理 队长 司机 师傅 房东 老板 老公 \
    老婆 丈夫 妻子 爱人 母亲 父亲 妈妈 爸爸 儿子 女儿 孩子 邻居 同事 同学 朋友 客服 科长 处长 局长 院长 \
    所长 站长 律师 法官 会计 教练 保安 村民 居民 干部 组长 镇长 乡长 县长 区长 市长 家长 男子 女子 老人 \
    顾问 店长 包工头 本人 中介 妈 爸 爷爷 奶奶 老伴 外公 外婆 婆婆 公公 岳母 岳父 媳妇 志愿者 支书 舅子 \
    姐夫 嫂子 我哥 我姐 弟弟 妹妹 老汉儿 楼长 保洁 侄子 外甥 孙子 孙女 网格员 对门 室友 护工 太太 宝宝 \
    前夫 前妻 闺女 女婿 姑姑 舅舅 姥姥 姥爷 二房东 快递员 监护人 股东 工友 战友 电工 市民 用户 住户 弟 哥 姐 妹 儿媳 \
    牌友 网友 病友 家教 摊主 工头 同乡 老乡 亲戚 大伯 叔叔 舅妈 姨妈 职工 员工 领导 辅导员 园长 主管 店员 \
    收银员 售票员 乘务员 导游 阿姨 大爷 大妈 外孙 孩子他爸 同桌 队员 队友 客户 主播 厨师 护士长 技师 理发师";
/// Forms of address that stand after a name.
const TITLES: &str = "先生 女士 小姐 同志 师傅 老师 经理 主任 医生 大夫 护士 阿姨 叔叔 大爷 大妈 大哥 大姐 书记 村长 \
    警官 律师 局长 院长 校长 科长 处长 队长 站长 所长 老板 教练 教授 法官 镇长 乡长 县长 区长 会计 婆婆 \
    老太 大娘 同学 奶奶 爷爷 店长 厂长 组长";
/// What follows a name that opens a clause: 江一帆投诉.
const DOES: &str = "投诉 反映 报案 报的案 身份证 电话 手机 的身份证 举报 家在 来电 称 表示";
/// What may stand between an announcement and the name.
const LINKS: &str = "是 叫 就是 叫做 ： : 、";
/// What joins a name to what is before it: 被, 和, 让.
const JOINS: &str = "和跟被让由向给替问对是我";
/// Characters beside which no word goes on into the name: function words.
const FUNCTION: &str =
    "的我是在这住啊呢吧那电了就给和跟说把被有也都不来去个们什么几没很要会能到从对为吗哪谁你他她它";
const ADVERBS: &str = "昨今前后上又还已家";

pub(super) fn left(text: &[char], at: usize) -> Left {
    let before = at.checked_sub(1).map(|at| text[at]);
    let announced = |words: &str| {
        let ends = |end: usize| words.split(' ').any(|word| ends_at(text, end, word));
        let link = |link: &str| ends_at(text, at, link) && ends(at - link.chars().count());
        ends(at) || LINKS.split(' ').any(link)
    };
    match before {
        _ if announced(WHOLE) => Left::Whole,
        _ if announced(ANNOUNCED) => Left::Announced,
        _ if announced(BESIDE) => Left::Beside,
        Some(ch) if JOINS.contains(ch) => Left::Joined,
        Some(ch) if FUNCTION.contains(ch) => Left::Other,
        Some(ch) if ch.is_alphanumeric() => Left::Nothing,
        _ => Left::Opening,
    }
}

pub(super) fn right(text: &[char], at: usize) -> Right {
    let begins = |words: &str| words.split(' ').any(|word| is_at(text, at, word));
    match text.get(at) {
        _ if begins(TITLES) => Right::Title,
        _ if begins(DOES) => Right::Does,
        Some(ch) if FUNCTION.contains(*ch) => Right::Joined,
        Some(ch) if ADVERBS.contains(*ch) => Right::Adverb,
        Some(ch) if ch.is_alphanumeric() => Right::Nothing,
        _ => Right::Closing,
    }
}

fn ends_at(text: &[char], end: usize, word: &str) -> bool {
    let length = word.chars().count();
    end >= length
        && is_at(text, end - length, word)
        // 老百姓 announces nobody.
        && !(word == "姓" && end > 1 && text[end - 2] == '百')
}
