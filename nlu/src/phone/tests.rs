use super::*;
use crate::heard::Said;

/// Turns of a call, and the number that must come out.
type Row<'a> = (&'a [(Leg, &'a str)], Option<&'a str>);

fn call(turns: &[(Leg, &str)]) -> Heard {
    Heard {
        said: turns.iter().map(|(leg, text)| Said::from_text(*leg, text)).collect(),
        started_at: jiff::Timestamp::UNIX_EPOCH,
        line_number: Some("13511112222".into()),
    }
}

fn number(turns: &[(Leg, &str)]) -> Option<String> {
    find(&call(turns), &vec!["就这个号码".to_owned()].into()).map(|found| found.value)
}

#[test]
fn misheard_digits_are_mended_by_sound_and_by_the_other_voice() {
    use Leg::{Agent, Caller};
    let rows: [Row<'_>; 10] = [
        (&[(Caller, "我的电话有8600421873")], Some("18600421873")),
        (&[(Caller, "我姓讲电话要三把10975543。")], Some("13810975543")),
        (
            &[
                (Caller, "我的电话是要三五,而要零九七七四六。是的是的。"),
                (Agent, "13521097746是这个吗?"),
            ],
            Some("13521097746"),
        ),
        (
            &[(Agent, "您的联系电话"), (Caller, "1346672015"), (Agent, "1346720185您贵姓")],
            Some("13466720185"),
        ),
        (
            &[
                (Agent, "您的联系电话"),
                (Caller, "1771044086"),
                (Agent, "17710442086好的给您登记了"),
            ],
            Some("17710442086"),
        ),
        (
            &[
                (Agent, "您的电话"),
                (Caller, "158103346629,我不对不对,最后是27158103346627"),
                (Agent, "1581033462期对吗?"),
                (Caller, "对,这回对了"),
            ],
            Some("15810334627"),
        ),
        (
            &[
                (Agent, "您的联系电话"),
                (Caller, "标七六零幺二九八八数"),
                (Agent, "幺七六零销二九八四五，已经登记。"),
            ],
            Some("17601298845"),
        ),
        (
            &[
                (Agent, "您的联系电话"),
                (Caller, "幺八六幺幺四五零九三二"),
                (Agent, "幺八六幺四五零九三二。三个工作日之内和您联系"),
                (Caller, "好"),
            ],
            Some("18611450932"),
        ),
        (&[(Caller, "我的卡号是六二二二零二零二零零幺二三四五六七八九")], None),
        (&[(Agent, "联系电话就是您现在这个号码吗"), (Caller, "对")], None),
    ];
    for (turns, expected) in rows {
        assert_eq!(number(turns).as_deref(), expected, "{turns:?}");
    }
    let offered = [(Agent, "就这个号码可以吗"), (Caller, "对的")];
    assert_eq!(number(&offered).as_deref(), Some("13511112222"));
}

#[test]
fn what_is_taken_back_in_one_breath() {
    let rows: [(&str, &[&str]); 8] = [
        ("电话幺三八，零零幺三，八零零零，不对，是八零零幺", &["13800138001"]),
        ("幺三九零零幺三八零零零，说错了，幺三八零零幺三八零零零", &["13800138000"]),
        ("幺三八，然后是零零幺三，后面是八零零零", &["13800138000"]),
        ("电话是幺三八，零零幺三，三个八，幺", &["13800138881"]),
        ("幺三八零零幺三八零零零，座机零幺零八二三四五六七八", &["13800138000", "01082345678"]),
        ("座机是二零二幺零三幺五", &["20210315"]),
        ("2022.11.18买的，合同是2018-2035年", &[]),
        ("交了三个八百块，不对，是两个", &[]),
    ];
    for (text, expected) in rows {
        let text: Vec<char> = text.chars().collect();
        let found = numbers(&text, &runs(&text));
        let found: Vec<&str> = found.iter().map(|(digits, ..)| digits.as_str()).collect();
        assert_eq!(found, expected, "{}", text.iter().collect::<String>());
    }
}

#[test]
fn numbers_spoken_in_every_way() {
    use Leg::{Agent, Caller};
    let rows: [Row<'_>; 14] = [
        (&[(Caller, "我的电话是幺三八零零幺三八零零零")], Some("13800138000")),
        (&[(Caller, "13800138000")], Some("13800138000")),
        (&[(Caller, "幺三八，零零幺三，八零零零")], Some("13800138000")),
        (&[(Caller, "幺三八，幺三八零零幺三，八零零零")], Some("13800138000")),
        (
            &[
                (Agent, "您的联系电话是多少"),
                (Caller, "幺三八零零幺"),
                (Agent, "嗯"),
                (Caller, "三八零零零"),
            ],
            Some("13800138000"),
        ),
        (
            &[(Caller, "电话幺三八零零幺三八零零零"), (Caller, "不对，最后四位是八零零一")],
            Some("13800138001"),
        ),
        (
            &[(Caller, "电话幺三九零零幺三八零零零"), (Caller, "说错了，是幺三八")],
            Some("13800138000"),
        ),
        (&[(Agent, "您的电话是幺三八零零幺三八零零零对吗"), (Caller, "对")], Some("13800138000")),
        (&[(Caller, "就这个号码就行")], Some("13511112222")),
        (&[(Caller, "我家座机是八二三四五六七八")], Some("82345678")),
        (&[(Caller, "身份证号是一一零一零八一九九零零三零七二三四幺")], None),
        (&[(Caller, "这里是三号楼二零一室，交了三千块钱")], None),
        (&[(Caller, "我打了12345也打了110都没人管")], None),
        (&[(Caller, "工单号是二零二六零三零二零零零幺五")], None),
    ];
    for (turns, expected) in rows {
        assert_eq!(number(turns).as_deref(), expected, "{turns:?}");
    }
}

#[test]
fn dictated_in_groups_with_words_between_them_and_corrections() {
    let rows: [(&str, &[&str]); 22] = [
        ("幺三八，停一下，零零幺三，停一下，八零零幺", &["13800138001"]),
        ("我手机一百三十八，零零一三，八零零一", &["13800138001"]),
        ("一百三十八，五十六，七十八，二十四，九十三", &["13856782493"]),
        ("一三八，双零，一三，八，两个零，再一个一", &["13800138001"]),
        ("一三八，两个八八，三六五二", &["13888883652"]),
        ("幺三八幺三八，零零幺三，八零零幺", &["13800138001"]),
        ("一三八，零零一三，零零一三，八零零一", &["13800138001"]),
        ("手机号前七位一三八零零一三，后四位三个零一个一", &["13800130001"]),
        ("一三八零零一三八零零二，最后一位是一", &["13800138001"]),
        ("一三八零零一三八零一零，最后两位弄反了，是零一", &["13800138001"]),
        ("一三八，零零三一，八零零一，中间是零零一三，说错了", &["13800138001"]),
        ("一三九零零一三八零零一，第三位不是九是八", &["13800138001"]),
        ("一三九零零一三八零零一，不好意思开头是一三八", &["13800138001"]),
        ("一三八，不是零零三一是零零一三，八零零一", &["13800138001"]),
        ("一三八零零一三八零零，怎么才十位，后面还有个一", &["13800138001"]),
        ("区号零一零，电话六二三四五六七八", &["01062345678"]),
        ("座机六二三四五六七八，区号零一零", &["01062345678"]),
        ("１３８００１３８００１", &["13800138001"]),
        ("13800138001，我再说一遍，13800138001", &["13800138001"]),
        ("工单编号是13800138001，帮我查查", &[]),
        ("统一代码91370102MA3C8K5T26，车架号LSVAM4187C2184836", &[]),
        ("身份证最后一位是X，前面是2 1 0 2 0 4 1 9 8 5 0 8 1 6 5 7 3", &[]),
    ];
    for (text, expected) in rows {
        let found = crate::entities(text, jiff::Timestamp::UNIX_EPOCH).phones;
        let found: Vec<&str> = found.iter().map(|phone| phone.value.as_str()).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn long_dictations_end_in_no_time_and_in_nothing() {
    for part in ["一三八零，", "一三八零然后零零幺三不是四五", "1，3，", "零幺"]
    {
        let text: Vec<char> = part.repeat(300).chars().collect();
        numbers(&text, &runs(&text));
    }
}
