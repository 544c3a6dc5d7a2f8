//! What is said, as far as it matters to a number: groups of digits, and the words between them.

use super::super::MOBILE;
use super::respelled::FILLER;
use crate::digits::{digit_of, is_word, runs};
use crate::heard::is_at;
use crate::sound::{Ear, syllables};

/// What a stretch of the text is for a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Digits(String),
    /// What was said before is wrong: 不对.
    TakenBack,
    /// The digits that follow are wrong: 不是二六.
    Denied,
    /// The digits that follow are the last ones: 尾号, 后四位.
    Last,
    /// The digits that follow are the first ones: 开头.
    First,
    /// The digits that follow stand between the first and the last group.
    Middle,
    /// One digit, counted from the beginning or from the end: 第四位, 倒数第二位.
    Place(usize),
    PlaceFromEnd(usize),
    /// The digits that follow are an area code.
    Area,
    /// A comma, a space.
    Pause,
    /// Words; how many characters of them have no business in a number.
    Words(usize),
    /// What no number goes on after: a sum, a date, a house number, many words.
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) what: What,
    pub(super) start: usize,
    pub(super) end: usize,
    /// A word follows without a pause.
    pub(super) runs_on: bool,
}

const TAKEN_BACK: &str = "不对不对 不对 哦不是 啊不是 说错了 说错 弄错了 记错了 报错了 念错了 搞错了 错了 \
    说反了 念反了 颠倒了 口误 嘴瓢了 更正 应该是 改成 改为 换成 改一下 重来 重说 不好意思 对不起 \
    不不不 哎呀";
const LAST: &str = "尾号 末尾 最后 结尾 末位 尾数 尾巴 末了 打尾 收尾";
const FIRST: &str = "开头 打头 起头 前面 前头 前边";
const MIDDLE: &str = "中间 当中";
/// What is said of digits after them: 一五五打头.
const SAID_AFTER: &str = "开头 打头 起头 结尾 打尾 收尾";
/// What is said between the groups of a number.
const BETWEEN: &str = "接下来 再然后 然后 接着 后面 后边 完了 再来 那个 这个 就是 停一下 等一下 等会儿 等等 稍等 \
    我看一眼 我看一下 我看看 我想想 看一眼 第一段 第二段 第三段 第一组 第二组 第三组 \
    还有个 还有 漏了个 漏了 补上 少了个 剩下 分开说 记好了 记了吗 您说 你说 对的 没错 好了 \
    手机号 电话 号码 座机 手机 是 的 对 嗯 呃 啊 阿 额 恩 哦 噢 诶 哎 欸 呢 吧 哈 好 行 来 再 那 了 \
    个 加";
/// What makes digits something other than a part of a phone number.
const UNITS: &str =
    "年月日块元毛角楼层栋幢单室米岁次遍秒斤吨平户人名家千万亿百十度条只辆班路点分天号个";
/// Characters that have no business in a number up to which it may go on after them.
const MOST_WORDS: usize = 10;
/// The digits of a token, if it holds any.
pub(super) fn digits(token: &Token) -> Option<&str> {
    if let What::Digits(digits) = &token.what { Some(digits) } else { None }
}

/// A text in tokens.
pub(super) fn tokens(text: &[char]) -> Vec<Token> {
    // What stands between digits and only sounds like one.
    let digit = |(at, ch): (usize, &char)| digit_of(*ch).filter(|_| !is_word(text, at));
    let mut written: Vec<Option<u8>> = text.iter().enumerate().map(digit).collect();
    let denied = text.windows(2).any(|pair| pair == ['不', '是']);
    for digit in runs(text).iter().flat_map(|run| &run.digits) {
        // 不是七零四是七四零 says 是 and no 四.
        if text[digit.at] != '是' || !denied {
            written[digit.at] = Some(digit.value);
        }
    }
    let mut tokens: Vec<Token> = Vec::new();
    let mut at = 0;
    let after = |at: usize| SAID_AFTER.split(' ').any(|word| is_at(text, at, word));
    // Characters without business in a number since its last digits.
    let mut idle = 0;
    while at < text.len() {
        let (what, length) = token(text, &written, at);
        match &what {
            What::Words(n) => idle += n,
            What::Digits(_) => idle = 0,
            _ => {}
        }
        let (start, end) = (at, at + length);
        let runs_on = text.get(end).is_some_and(|ch| !is_pause(*ch));
        at = end;
        // What is said of the digits before it stands before them.
        if matches!(what, What::First | What::Last)
            && after(start)
            && !leads_on(text, &tokens, end)
            && let Some(last) = tokens.pop_if(|last| digits(last).is_some())
        {
            tokens.push(Token { what, start: last.start, end: last.start, runs_on });
            tokens.push(last);
            continue;
        }
        if idle > MOST_WORDS {
            idle = 0;
            tokens.push(Token { what: What::End, start, end, runs_on });
            continue;
        }
        tokens.push(Token { what, start, end, runs_on });
    }
    tokens
}

/// Whether a word that may be said after digits or before them is said of those that follow:
/// 中间五五三八开头幺八七.
fn leads_on(text: &[char], tokens: &[Token], end: usize) -> bool {
    let follows = text.get(end).is_some_and(|ch| digit_of(*ch).is_some());
    let opens = tokens.last().and_then(digits).is_some_and(|last| last.starts_with('1'));
    follows && !opens
}

/// The token that begins here, and its length in characters.
fn token(text: &[char], written: &[Option<u8>], at: usize) -> (What, usize) {
    if let Some(place) = place(text, at) {
        return place;
    }
    if is_word(text, at) {
        return (What::Words(0), 2);
    }
    let is = |words: &str| {
        words.split(' ').find(|word| is_at(text, at, word)).map(|word| word.chars().count())
    };
    if let Some(length) = is(TAKEN_BACK) {
        return (What::TakenBack, length);
    }
    let pause = |at: usize| text.get(at).is_some_and(|ch| is_pause(*ch));
    let no = is_at(text, at, "不是") || sounds_like(text, written, at, "不是");
    if no {
        let denied = written.get(at + 2).is_some_and(Option::is_some);
        return (if denied { What::Denied } else { What::TakenBack }, 2);
    }
    if sounds_like(text, written, at, "不对") {
        return (What::TakenBack, 2);
    }
    // 前面一五八改一八五.
    let changed = text[at] == '改' && written.get(at + 1).is_some_and(Option::is_some);
    if changed || (matches!(text[at], '不' | '错') && pause(at + 1)) || is_no(text, written, at) {
        return (What::TakenBack, 1);
    }
    for (words, what) in [
        (LAST, What::Last),
        (FIRST, What::First),
        (MIDDLE, What::Middle),
        ("区号", What::Area),
        ("记成 听成 写成 念成 说成 报成", What::Denied),
    ] {
        if let Some(length) = is(words) {
            return (what, length);
        }
    }
    if let Some((digits, length)) = times(text, at).or_else(|| numeral(text, at)) {
        return (What::Digits(digits), length);
    }
    if written[at].is_some() {
        // 周一到周五.
        let weekday = at > 0
            && matches!(text[at - 1], '周' | '拜')
            && "一二三四五六".contains(text[at])
            && written.get(at + 1).is_none_or(Option::is_none);
        return if weekday { (What::Words(1), 1) } else { group(text, written, at) };
    }
    // 幺八八，十五，零六.
    if text[at] == '十'
        && let Some(ones) = text.get(at + 1).and_then(|ch| digit_of(*ch))
        && text.get(at + 2).is_none_or(|ch| is_pause(*ch))
    {
        return (What::Digits((10 + ones).to_string()), 2);
    }
    if is_pause(text[at]) {
        return (What::Pause, 1);
    }
    match is(BETWEEN) {
        Some(length) => (What::Words(0), length),
        // What holds letters is no number to call; but 哎不对 comes as i不对.
        None if text[at].is_ascii_alphabetic() => {
            let sigh = is_at(text, at + 1, "不对") || is_at(text, at + 1, "不是");
            (if sigh { What::Words(1) } else { What::End }, 1)
        }
        None => (What::Words(1), 1),
    }
}

fn is_pause(ch: char) -> bool {
    !ch.is_alphanumeric()
}

/// Sighs before a word, as they are written.
const MOST_SIGHS: usize = 2;

/// Whether digits, and no more than a sigh after them, stand before a place.
fn after_digits(written: &[Option<u8>], at: usize) -> bool {
    written[at.saturating_sub(MOST_SIGHS + 1)..at].iter().any(Option::is_some)
}

/// Whether a 不 takes back the digits before it: 八四嗯不四八.
fn is_no(text: &[char], written: &[Option<u8>], at: usize) -> bool {
    let digit = |at: usize| written.get(at).is_some_and(Option::is_some);
    // 不三不四 corrects nothing.
    text[at] == '不' && after_digits(written, at) && digit(at + 1) && digit(at + 2)
}

/// Whether what stands here sounds like a word by which digits are taken back, in the midst of digits: 部队
/// for 不对, 恶不适 for 呃不是.
fn sounds_like(text: &[char], written: &[Option<u8>], at: usize, word: &str) -> bool {
    let digit = |at: usize| written.get(at).is_some_and(Option::is_some);
    if !after_digits(written, at) {
        return false;
    }
    let word: Vec<char> = word.chars().collect();
    let Some(said) = text.get(at..at + word.len()) else { return false };
    let next = at + word.len();
    let leads_on = digit(next)
        || [FIRST, MIDDLE, LAST]
            .iter()
            .any(|words| words.split(' ').any(|word| is_at(text, next, word)));
    leads_on && !(at..next).any(digit) && syllables(said, Ear::Same) == syllables(&word, Ear::Same)
}

/// Digits one after the other, unless a unit makes them something else.
fn group(text: &[char], written: &[Option<u8>], at: usize) -> (What, usize) {
    let more = |i: &usize| {
        text.get(*i) == Some(&FILLER)
            || (written.get(*i).is_some_and(Option::is_some)
                && (*i == at || (times(text, *i).is_none() && numeral(text, *i).is_none())))
    };
    let mut end = (at..).take_while(more).last().map_or(at, |last| last + 1);
    let unit = |end: usize| {
        let number = is_at(text, end, "号码");
        text.get(end).is_some_and(|ch| UNITS.contains(*ch)) && !number
    };
    // 二八，七位数的.
    if is_at(text, end, "位数") && end > at + 1 {
        end -= 1;
    }
    if unit(end) {
        // 13340782956一天: what is written otherwise belongs to the unit.
        let arabic = |i: usize| text[i].is_ascii_digit();
        let change = (at + 1..end).rev().find(|i| arabic(*i) != arabic(end - 1));
        match change {
            Some(last) => end = last + 1,
            None if end - at == MOBILE + 1 => end -= 1,
            None if end == at + 1 && text[end] == '个' => return (What::Words(1), 2),
            None => return (What::End, end - at + 1),
        }
    }
    let digits = written[at..end].iter().flatten().map(|d| char::from(b'0' + d)).collect();
    (What::Digits(digits), end - at)
}

/// Most pairs of one digit in a number.
const MOST_PAIRS: usize = 3;

/// Digits said by how often they come: 三个八, 双六, 俩零, and 两个八八.
fn times(text: &[char], at: usize) -> Option<(String, usize)> {
    let (times, long) = match text[at] {
        '双' | '俩' => (2, false),
        '仨' => (3, false),
        ch => {
            let n = digit_of(ch).filter(|n| (1..=8).contains(n)).map(usize::from)?;
            match text.get(at + 1) {
                // 三对八; but 四对三四 agrees to the four.
                Some('对') if n <= MOST_PAIRS => (2 * n, true),
                Some('对') => return None,
                _ => (n, true),
            }
        }
    };
    let (mut next, said) = (at + 1, matches!(text.get(at + 1), Some('个' | '对')));
    if long && !said {
        return None;
    }
    next += usize::from(said);
    let digit = digit_of(*text.get(next)?)?;
    let mut length = next + 1 - at;
    let mut count = times;
    if text.get(next + 1).is_some_and(|again| digit_of(*again) == Some(digit)) && long {
        (count, length) = (2 * times, length + 1);
    }
    let unit = text.get(at + length).is_some_and(|next| UNITS.contains(*next));
    (!unit).then(|| (char::from(b'0' + digit).to_string().repeat(count), length))
}

/// Digits said as a number: 一百三十八, 一百五, 八千零六十二, and 五十六.
fn numeral(text: &[char], at: usize) -> Option<(String, usize)> {
    let digit = |i: usize| text.get(i).and_then(|ch| digit_of(*ch));
    let (mut value, mut next, mut unit, mut ones) = (0, at, 10_000, None);
    while let Some(n) = digit(next).map(u32::from) {
        let smaller = match text.get(next + 1) {
            Some('千') => 1000,
            Some('百') => 100,
            Some('十') => 10,
            // 八千零六十二: the nought only says that a place is left out.
            _ if n == 0 && (100..10_000).contains(&unit) && ones.is_none() => {
                (ones, next) = (Some(1), next + 1);
                continue;
            }
            // 一百五 is ten times that, 一百零五 is not.
            _ => {
                value += n * ones.unwrap_or(if unit == 10_000 { 1 } else { unit / 10 });
                (ones, next) = (Some(1), next + 1);
                break;
            }
        };
        if smaller >= unit || n == 0 {
            return None;
        }
        (value, next, unit) = (value + n * smaller, next + 2, smaller);
        if unit == 10 && digit(next).is_none() {
            break;
        }
        ones = None;
    }
    // Digits that go on belong to another group only where this one is complete.
    let complete = value > 100 && ones.is_some() && text[next - 2] == '十';
    let follows = text
        .get(next)
        .is_some_and(|ch| UNITS.contains(*ch) || (digit_of(*ch).is_some() && !complete));
    (unit < 10_000 && !follows).then(|| (value.to_string(), next - at))
}

/// 后四位, 前三位, 第四位, 倒数第二位, and 剩下八位, whose number is none of the digits.
fn place(text: &[char], at: usize) -> Option<(What, usize)> {
    let number = |i: usize| {
        let n = text.get(i).and_then(|ch| digit_of(*ch)).map(usize::from);
        let counted = match text.get(i + 1) {
            Some('位') => true,
            // 后面四个零 says what the digits are.
            Some('个') => text.get(i + 2).is_none_or(|ch| digit_of(*ch).is_none()),
            _ => false,
        };
        n.filter(|_| counted)
    };
    let last = |i: usize| text.get(i + 1) == Some(&'位');
    for (word, what) in [
        ("倒数第", What::PlaceFromEnd as fn(usize) -> What),
        ("第", What::Place),
        ("最后", |_| What::Last),
        ("后面", |_| What::Last),
        ("末尾", |_| What::Last),
        ("后", |_| What::Last),
        ("末", |_| What::Last),
        ("尾", |_| What::Last),
        ("前面", |_| What::First),
        ("前", |_| What::First),
        ("", |_| What::Words(0)),
    ] {
        let length = word.chars().count();
        if is_at(text, at, word)
            && let Some(n) = number(at + length)
            && (last(at + length) || word.ends_with('第'))
        {
            return Some((what(n), length + 2));
        }
    }
    None
}
