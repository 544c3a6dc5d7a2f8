//! The title of a ticket: one line in the register of a work order, made of words that were said.

use crate::heard::{Heard, Span};
use crate::interpretation::{Found, Place, RequestType};
use crate::rules::Rules;
use crate::understanding::chars;

/// Longest title, in characters.
const MOST: usize = 40;
/// Words that open a clause and say nothing.
const OPENERS: [&str; 33] = [
    "我来反映",
    "跟您反映",
    "跟你反映",
    "还有一个事",
    "还有个事",
    "还有一件事",
    "另外一个",
    "第一个",
    "第二个",
    "喂",
    "你好",
    "您好",
    "那个",
    "就是",
    "嗯",
    "呃",
    "啊",
    "哎",
    "我想反映",
    "我要反映",
    "我要投诉",
    "我想投诉",
    "我想咨询",
    "我要举报",
    "我想举报",
    "请问",
    "是这样的",
    "是这样",
    "反映一个问题",
    "一个问题",
    "我建议",
    "然后",
    "我想",
];

/// Clauses of a title at most.
const CLAUSES: usize = 4;
/// What opens the matter, whatever leads to it: 我跟你们说一下.
const OPENED: [&str; 12] = [
    "说一下",
    "说一声",
    "问一下",
    "问问",
    "反映一下",
    "反应一下",
    "咨询一下",
    "了解一下",
    "说个事儿",
    "说个事",
    "提个建议",
    "跟你们说",
];
/// Characters within which that is said.
const OPENING: usize = 14;
/// Stands where the name of the district or street was, which the title says already.
const NAMED: char = '\u{0}';
/// What leads to the name of a place.
const LEADS: [&str; 14] = [
    "",
    "在",
    "我在",
    "我们在",
    "我住",
    "我住在",
    "住在",
    "我家在",
    "我家住",
    "我家住在",
    "我是",
    "我们是",
    "我们",
    "我们这儿是",
];

pub(crate) fn of(
    heard: &Heard,
    spans: &[Span],
    request_type: RequestType,
    place: Option<&Found<Place>>,
    rules: &Rules,
) -> String {
    let verb = match request_type {
        RequestType::Consultation => "咨询",
        RequestType::Help => "求助",
        RequestType::Complaint => "反映",
        RequestType::Report => "举报",
        RequestType::Suggestion => "建议",
        RequestType::Praise => "表扬",
    };
    let district = place
        .map(|place| place.value.names.iter().skip(2).map(String::as_str).collect::<String>())
        .unwrap_or_default();
    // What names the district is said already; the road and the number are not.
    let detailed = place.is_some_and(|place| !place.value.detail.is_empty());
    let named = place
        .map_or(&[][..], |place| &place.evidence[..place.evidence.len() - usize::from(detailed)]);
    let room = MOST.saturating_sub(verb.chars().count() + district.chars().count());
    let mut title = format!("{verb}{district}");
    let mut left = room;
    for clause in clauses(heard, spans, named, rules) {
        let length = clause.chars().count();
        if length > left {
            if left == room {
                title.extend(clause.chars().take(left));
            }
            break;
        }
        title.push_str(&clause);
        left -= length;
    }
    title
}

/// The clauses that say something, in the order they were said: what was said first says what it is
/// about, two or three fill the line.
fn clauses(heard: &Heard, spans: &[Span], named: &[Span], rules: &Rules) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for span in spans {
        let mut text = chars(&heard.said, *span);
        for name in named.iter().filter(|name| name.utterance == span.utterance) {
            let within = |at: usize| at.clamp(span.start, span.end) - span.start;
            text[within(name.start)..within(name.end)].fill(NAMED);
        }
        for clause in text.split(|ch| !ch.is_alphanumeric() && *ch != NAMED) {
            let bare = strip(&clause.iter().collect::<String>());
            let bare_chars: Vec<char> = bare.chars().collect();
            if rules.substance(&bare_chars) >= 4 {
                all.push(bare);
            }
        }
    }
    all.truncate(CLAUSES);
    all
}

fn strip(clause: &str) -> String {
    let mut rest = clause.trim();
    while let Some(next) = OPENERS.iter().find_map(|opener| rest.strip_prefix(opener)) {
        rest = next.trim();
    }
    let opening = rest.char_indices().nth(OPENING).map_or(rest, |(end, _)| &rest[..end]);
    let opened = OPENED.iter().filter_map(|words| Some(opening.find(words)? + words.len())).max();
    if let Some(opened) = opened {
        rest = rest[opened..].trim_start_matches(['啊', '呀', '呢', '哈', '就', '是']);
    }
    // 我住在朝阳区望京街道的: what leads to a name says nothing without it.
    if let Some(at) = rest.find(NAMED)
        && LEADS.contains(&&rest[..at])
    {
        rest = rest[at..].trim_start_matches(NAMED).trim_start_matches(['的', '这', '那', '边']);
    }
    rest.chars().filter(|ch| *ch != NAMED).collect()
}
