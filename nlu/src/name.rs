//! Who calls, and whom the matter is about.

pub(crate) mod characters;
mod surroundings;
pub(crate) mod tagger;

use crate::heard::{Heard, Leg, Span};
use crate::interpretation::Found;

use characters::{FAMILY, RARE};
pub(crate) use tagger::persons;

/// Phrases after which a caller says his name.
const INTRODUCE: [&str; 9] =
    ["我姓", "免贵姓", "贵姓", "我叫", "名字叫", "我是姓", "姓名是", "名字是", "姓"];
/// Phrases after which he may say something else of himself as well.
const PRESENT: [&str; 2] = ["我是", "本人"];

/// Characters that end a given name.
const NO_NAME: &str = "的我是在这住啊呢吧那电，。";

/// The caller's name as he gives it.
pub(crate) fn find(heard: &Heard) -> Option<Found<String>> {
    let title = heard.said.iter().filter(|said| said.leg == Leg::Agent).find_map(|said| {
        let text = said.text();
        ["先生", "女士"].into_iter().find(|title| text.contains(title))
    });
    for (utterance, said) in
        heard.said.iter().enumerate().filter(|(_, said)| said.leg != Leg::Agent)
    {
        let text = said.written();
        let Some((name, start, end)) = introduced(&text).into_iter().next() else { continue };
        let whole = end - start > 1;
        let value = if whole { name } else { format!("{name}{}", title.unwrap_or("")) };
        let evidence = vec![Span { utterance, start, end }];
        return Some(Found {
            value,
            confidence: if whole { 0.6 } else { 0.8 },
            evidence,
            runner_up: None,
        });
    }
    None
}

/// Every name that somebody introduces himself by: the name, first character, one past the last.
fn introduced(text: &[char]) -> Vec<(String, usize, usize)> {
    let plain: String = text.iter().collect();
    let named = persons(text);
    let mut found: Vec<(String, usize, usize)> = Vec::new();
    for phrase in INTRODUCE.into_iter().chain(PRESENT) {
        let presents = PRESENT.contains(&phrase);
        // Who introduces himself needs no more.
        if presents && !found.is_empty() {
            continue;
        }
        for (at, _) in plain.match_indices(phrase) {
            // 老百姓 names nobody.
            if phrase == "姓" && plain[..at].ends_with('百') {
                continue;
            }
            let start = plain[..at].chars().count() + phrase.chars().count();
            let person = named.iter().find(|(from, to)| *from == start && to - from > 1);
            let end = match person {
                // 我是王强的邻居.
                Some((_, end)) if presents && goes_on(text, *end) => continue,
                Some((_, end)) => *end,
                None if presents => continue,
                None => match family_at(text, start, phrase) {
                    Some(end) => end,
                    None => continue,
                },
            };
            if !found.iter().any(|(_, known, _)| *known == start) {
                found.push((text[start..end].iter().collect(), start, end));
            }
        }
    }
    found.sort_by_key(|(_, start, _)| *start);
    found
}

/// Whether what follows a name makes another person of it.
fn goes_on(text: &[char], end: usize) -> bool {
    text.get(end).is_some_and(|ch| matches!(ch, '的' | '他' | '她' | '家' | '爸' | '妈'))
}

/// What is said after a family name in one syllable: 程工.
const SHORT_TITLES: &str = "工总姐哥姨婶叔伯某爷嫂董";
/// What makes another word of it: 工资, 总是.
const NO_TITLE: &str = "资作地人厂程是共会结算常";

/// A family name with what makes it as telling as a whole one, a title of one syllable or 老 and 小 before it:
/// 程工, 老李, 小郭. Other names are as they are.
pub(crate) fn as_called(text: &[char], start: usize, end: usize) -> (usize, usize) {
    if end - start != 1 {
        return (start, end);
    }
    let title = text.get(end).is_some_and(|ch| SHORT_TITLES.contains(*ch));
    let word = text.get(end + 1).is_some_and(|ch| NO_TITLE.contains(*ch));
    let familiar = start > 0 && matches!(text[start - 1], '老' | '小');
    (start - usize::from(familiar), end + usize::from(title && !word))
}

/// One past the name that begins with a family name, where no tagger sees one.
fn family_at(text: &[char], start: usize, phrase: &str) -> Option<usize> {
    let rest = text.get(start..)?;
    let sure = phrase != "姓";
    rest.first().filter(|ch| FAMILY.contains(**ch) || (sure && RARE.contains(**ch)))?;
    let given = |ch: &&char| ch.is_alphabetic() && !NO_NAME.contains(**ch);
    let whole = phrase.contains('叫') || phrase.contains("名");
    let given = if whole { rest[1..].iter().take_while(given).take(2).count() } else { 0 };
    Some(start + 1 + given)
}

/// Kinds of shops and bodies that people complain about by name.
const BODIES: [&str; 34] = [
    "有限公司",
    "公司",
    "物业",
    "烧烤店",
    "火锅店",
    "饭店",
    "餐馆",
    "餐厅",
    "超市",
    "商场",
    "健身房",
    "游泳馆",
    "幼儿园",
    "小学",
    "中学",
    "学校",
    "培训机构",
    "医院",
    "诊所",
    "药店",
    "酒店",
    "宾馆",
    "工地",
    "工厂",
    "养老院",
    "旅行社",
    "网吧",
    "理发店",
    "美容院",
    "银行",
    "菜市场",
    "停车场",
    "派出所",
    "居委会",
];
/// Characters that end a name backwards.
const STOP: &str =
    "的在是有和跟被把了到去这那个家们里边旁下上就我你他她它说叫做给向对从，。！？、 ";

/// The shop, project, company or body that the matter is about.
pub(crate) fn subject(heard: &Heard, spans: &[Span]) -> Option<Found<String>> {
    for span in spans {
        let text: Vec<char> = crate::understanding::chars(&heard.said, *span);
        let plain: String = text.iter().collect();
        for body in BODIES {
            let Some(at) = plain.find(body) else { continue };
            let end = plain[..at].chars().count() + body.chars().count();
            let begin = end - body.chars().count();
            let start = (begin.saturating_sub(8)..begin)
                .rev()
                .take_while(|i| !STOP.contains(text[*i]))
                .last()
                .unwrap_or(begin);
            let value: String = text[start..end].iter().collect();
            let evidence = vec![Span {
                utterance: span.utterance,
                start: span.start + start,
                end: span.start + end,
            }];
            let confidence = if end - start > body.chars().count() { 0.6 } else { 0.4 };
            return Some(Found { value, confidence, evidence, runner_up: None });
        }
    }
    None
}
