//! Digits as they are spoken and as recognisers write them.

use crate::heard::is_at;

/// A digit with the character it stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digit {
    pub(crate) value: u8,
    pub(crate) at: usize,
}

/// A run of digits: one number, or part of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) digits: Vec<Digit>,
    /// Lengths of the groups that it was said in.
    pub(crate) groups: Vec<usize>,
}

impl Run {
    pub(crate) fn text(&self) -> String {
        self.digits.iter().map(|digit| char::from(b'0' + digit.value)).collect()
    }

    pub(crate) fn start(&self) -> usize {
        self.digits.first().map_or(0, |digit| digit.at)
    }

    pub(crate) fn end(&self) -> usize {
        self.digits.last().map_or(0, |digit| digit.at + 1)
    }
}

/// The digit that a character always stands for.
pub(crate) fn digit_of(ch: char) -> Option<u8> {
    let value = match ch {
        '0'..='9' => ch as u8 - b'0',
        '０'..='９' => (ch as u32 - '０' as u32) as u8,
        '零' | '〇' | '洞' => 0,
        '一' | '幺' | '壹' => 1,
        '二' | '两' | '贰' => 2,
        '三' | '叁' => 3,
        '四' | '肆' => 4,
        '五' | '伍' => 5,
        '六' | '陆' => 6,
        '七' | '柒' | '拐' => 7,
        '八' | '捌' => 8,
        '九' | '玖' | '勾' => 9,
        _ => return None,
    };
    Some(value)
}

/// The digit that a character stands for when digits stand around it.
fn misheard(ch: char) -> Option<u8> {
    let value = match ch {
        '要' | '腰' | '邀' | '妖' | '药' | '夭' | '么' | '摇' | '衣' | '依' | '医' => 1,
        '另' | '领' | '灵' | '凌' | '令' => 0,
        '儿' | '而' | '耳' => 2,
        '山' | '伞' => 3,
        '是' | '死' | '似' => 4,
        '武' | '午' | '吴' | '舞' => 5,
        '流' | '刘' | '留' | '溜' => 6,
        '奇' | '期' | '其' | '起' => 7,
        '吧' | '爸' | '把' | '巴' => 8,
        '就' | '酒' | '久' | '舅' => 9,
        _ => return None,
    };
    Some(value)
}

/// Marks that may stand within a spoken number.
fn is_gap(ch: char) -> bool {
    matches!(
        ch,
        '，' | ','
            | '、'
            | '.'
            | '。'
            | '-'
            | '－'
            | '—'
            | ' '
            | '·'
            | '…'
            | '嗯'
            | '呃'
            | '啊'
            | '阿'
            | '哦'
    )
}

/// Words by which a caller goes on to the next group of a number.
const ON: [&str; 10] = [
    "然后是",
    "接着是",
    "接下来是",
    "后面是",
    "后边是",
    "完了是",
    "再然后",
    "然后",
    "接着",
    "后面",
];
/// Digits after which such a word goes on with a number.
const BEGUN: usize = 3;

/// Characters of a word that leads from one group of a number to the next.
fn goes_on(text: &[char], at: usize) -> Option<usize> {
    let said = ON.iter().filter(|word| is_at(text, at, word)).map(|word| word.chars().count());
    let goes_on = |length: &usize| {
        let after = text[at + length..].iter().find(|ch| !is_gap(**ch));
        after.is_some_and(|ch| digit_of(*ch).is_some())
    };
    said.into_iter().find(goes_on)
}

/// How often a digit is said, where it is said so: 三个八. Only within a number.
fn times_digit(text: &[char], at: usize) -> Option<(usize, u8)> {
    let times = "两三四五六".chars().position(|ch| ch == text[at])? + 2;
    let value = digit_of(*text.get(at + 2)?).filter(|_| text[at + 1] == '个')?;
    // 三个八十块 is no part of a number.
    let unit = text.get(at + 3).is_some_and(|next| "十百千万块元天个".contains(*next));
    (!unit).then_some((times, value))
}

/// Whether the digit counts something: 三个, 两天.
fn counts(text: &[char], at: usize) -> bool {
    text.get(at + 1).is_some_and(|next| "个天年月日块百千万十点号楼位".contains(*next))
}

/// Whether a word begins here whose first character would be a digit: 一直, 一下, 两边.
pub(crate) fn is_word(text: &[char], at: usize) -> bool {
    let next = |after: &str| text.get(at + 1).is_some_and(|next| after.contains(*next));
    match text[at] {
        '一' => next("下遍样直定起般边旦共些切"),
        '两' => next("边遍"),
        _ => false,
    }
}

/// The runs of digits in a text. Marks and hesitations up to three characters long do not end one.
pub(crate) fn runs(text: &[char]) -> Vec<Run> {
    let digit = |at: usize| digit_of(text[at]).filter(|_| !is_word(text, at));
    let sure: Vec<Option<u8>> = (0..text.len()).map(digit).collect();
    let near = |at: usize| {
        let before = at.checked_sub(1).and_then(|i| sure[i]).is_some();
        let after = sure.get(at + 1).copied().flatten().is_some();
        let far = sure.get(at + 2).copied().flatten().is_some()
            || at.checked_sub(2).and_then(|i| sure[i]).is_some();
        // Between digits, or at the edge of at least two of them.
        let word = at > 0 && matches!(text[at - 1], '什' | '怎' | '那' | '这' | '多');
        let one = text[at] == '要' || (text[at] == '么' && !word);
        (before && after) || (one && (after || before) && far)
    };
    let mut runs = Vec::new();
    let mut run = Run::default();
    let (mut gap, mut passed) = (0, 0);
    for (at, ch) in text.iter().enumerate() {
        if at < passed {
            continue;
        }
        let value = sure[at].or_else(|| misheard(*ch).filter(|_| near(at)));
        if value.is_none()
            && run.digits.len() >= BEGUN
            && let Some(length) = goes_on(text, at)
        {
            (gap, passed) = (1, at + length);
            continue;
        }
        if let Some((times, value)) = times_digit(text, at).filter(|_| !run.digits.is_empty()) {
            if gap > 0 {
                run.groups.push(0);
            }
            run.digits.extend((0..times).map(|_| Digit { value, at: at + 2 }));
            if let Some(last) = run.groups.last_mut() {
                *last += times;
            }
            (gap, passed) = (0, at + 3);
            continue;
        }
        match value {
            Some(value) => {
                if gap > 0 && counts(text, at) && !run.digits.is_empty() {
                    runs.push(std::mem::take(&mut run));
                }
                if gap > 0 || run.groups.is_empty() {
                    run.groups.push(0);
                }
                gap = 0;
                run.digits.push(Digit { value, at });
                if let Some(last) = run.groups.last_mut() {
                    *last += 1;
                }
            }
            None if is_gap(*ch) && gap < 3 && !run.digits.is_empty() => gap += 1,
            None => {
                gap = 0;
                if !run.digits.is_empty() {
                    runs.push(std::mem::take(&mut run));
                }
            }
        }
    }
    if !run.digits.is_empty() {
        runs.push(run);
    }
    runs
}

/// A digit that may have been misheard: 1 in `trust` where a digit is written, less where a
/// character only sounds like one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Doubtful {
    pub(crate) value: u8,
    pub(crate) at: usize,
    pub(crate) trust: f32,
}

/// How the digits sound in a number that is read out.
const SPOKEN: [(char, u8); 11] = [
    ('零', 0),
    ('幺', 1),
    ('一', 1),
    ('二', 2),
    ('三', 3),
    ('四', 4),
    ('五', 5),
    ('六', 6),
    ('七', 7),
    ('八', 8),
    ('九', 9),
];
/// Trust in a character that sounds just like a digit; who sounds less like it has less.
const BY_SOUND: f32 = 0.6;
/// Likeness from which a character is taken for the digit that it sounds like.
const LEAST_LIKE: f32 = 0.6;
/// Trust in a character that sounds like no digit: one may stand between digits, two end the number.
const NO_DIGIT: f32 = 0.1;

/// The digit that a character may have been, and the trust in it.
fn digit_heard(ch: char) -> (u8, f32) {
    if let Some(value) = digit_of(ch) {
        return (value, 1.0);
    }
    // 幺 is what recognisers know least: they write 要, 交, 销, 条.
    if crate::sound::rhymes_with_yao(ch) {
        return (1, 0.85 * BY_SOUND);
    }
    let likeness = SPOKEN.map(|(sound, value)| (value, crate::sound::alike(ch, sound)));
    let (value, like) = likeness.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0));
    (value, if like >= LEAST_LIKE { BY_SOUND * like } else { NO_DIGIT })
}

/// The runs of a text that may be numbers read out, whatever was made of some of their digits:
/// 有8600421873 and 三把幺零九七. Only for where a number is expected.
pub(crate) fn doubtful_runs(text: &[char]) -> Vec<Vec<Doubtful>> {
    let doubted = |digit: &Doubtful| digit.trust <= NO_DIGIT;
    let mut runs = Vec::new();
    let mut run: Vec<Doubtful> = Vec::new();
    let mut close = |run: &mut Vec<Doubtful>| {
        while run.last().is_some_and(doubted) {
            run.pop();
        }
        let run = std::mem::take(run);
        if run.iter().filter(|digit| digit.trust == 1.0).count() >= 3 {
            runs.push(run);
        }
    };
    let mut gap = 0;
    for at in 0..text.len() {
        if is_gap(text[at]) || !text[at].is_alphanumeric() {
            gap += 1;
            if gap >= 3 {
                close(&mut run);
            }
            continue;
        }
        // 。三个工作日 is no part of the number before it, and no number goes on over a date's or a sum's unit.
        if "年月日元".contains(text[at]) {
            close(&mut run);
            continue;
        }
        if gap > 0 && counts(text, at) {
            close(&mut run);
        }
        gap = 0;
        let (value, trust) = digit_heard(text[at]);
        let digit = Doubtful { value, at, trust };
        // Two characters in a row that sound like no digit end the number.
        if doubted(&digit) && run.last().is_none_or(doubted) {
            close(&mut run);
            continue;
        }
        run.push(digit);
    }
    close(&mut run);
    runs
}

/// The value of a spoken number such as 二百零三 or 十二 or 12, if the whole text is one.
pub(crate) fn cardinal(text: &[char]) -> Option<u32> {
    if text.is_empty() || text.len() > 9 {
        return None;
    }
    if text.iter().all(|ch| digit_of(*ch).is_some()) {
        return text
            .iter()
            .try_fold(0u32, |sum, ch| sum.checked_mul(10)?.checked_add(u32::from(digit_of(*ch)?)));
    }
    let (mut total, mut section, mut digit) = (0u32, 0u32, None);
    for ch in text {
        match (digit_of(*ch), ch) {
            (Some(value), _) => digit = Some(u32::from(value)),
            (None, '十') => section += digit.take().unwrap_or(1) * 10,
            (None, '百') => section += digit.take()? * 100,
            (None, '千') => section += digit.take()? * 1000,
            (None, '万') => {
                total += (section + digit.take().unwrap_or(0)) * 10_000;
                section = 0;
            }
            _ => return None,
        }
    }
    Some(total + section + digit.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        runs(&text.chars().collect::<Vec<_>>()).iter().map(Run::text).collect()
    }

    #[test]
    fn digits_however_they_are_written() {
        let rows: [(&str, &[&str]); 10] = [
            ("幺三八零零幺三八零零零", &["13800138000"]),
            ("138 0013 8000", &["13800138000"]),
            ("要三八，零零要三，八零零零", &["13800138000"]),
            ("一三八嗯零零一三八零零零。", &["13800138000"]),
            ("我要投诉三号楼", &["3"]),
            ("幺三八零另幺三八零零零", &["13800138000"]),
            ("没有", &[]),
            ("幺三八，然后是零零幺三，后面是八零零零", &["13800138000"]),
            ("幺三八，三个八，幺幺四个零", &["138888110000"]),
            ("交了三次，然后五天没来", &["3", "5"]),
        ];
        for (text, expected) in rows {
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    #[test]
    fn spoken_cardinals() {
        for (text, value) in [
            ("十二", 12),
            ("二百零三", 203),
            ("一万二", 10_002),
            ("201", 201),
            ("三千", 3000),
            ("二零一", 201),
        ] {
            assert_eq!(cardinal(&text.chars().collect::<Vec<_>>()), Some(value), "{text}");
        }
        assert_eq!(cardinal(&['好']), None);
    }
}
