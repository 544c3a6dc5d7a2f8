//! The title of a ticket: one line in the register of a work order, made of words that were said.

use crate::heard::{Heard, Span};
use crate::interpretation::{Place, RequestType};
use crate::rules::Rules;
use crate::understanding::chars;

/// Longest title, in characters.
const MOST: usize = 40;
/// Words that open a clause and say nothing.
const OPENERS: [&str; 30] = [
    "喂",
    "你好",
    "您好",
    "那个",
    "就是",
    "嗯",
    "呃",
    "啊",
    "哎",
    "我想反映一下",
    "我想反映",
    "我要反映",
    "我要投诉",
    "我想投诉",
    "我想咨询一下",
    "我想咨询",
    "我要举报",
    "我想举报",
    "我想问一下",
    "想问一下",
    "请问一下",
    "请问",
    "是这样的",
    "是这样",
    "反映一个问题",
    "一个问题",
    "我建议",
    "然后",
    "麻烦问一下",
    "我想",
];

pub(crate) fn of(
    heard: &Heard,
    spans: &[Span],
    request_type: RequestType,
    place: Option<&Place>,
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
        .map(|place| place.names.iter().skip(2).map(String::as_str).collect::<String>())
        .unwrap_or_default();
    let room = MOST.saturating_sub(verb.chars().count() + district.chars().count());
    let mut title = format!("{verb}{district}");
    let mut left = room;
    for clause in clauses(heard, spans, rules) {
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

/// The clauses that say most, in the order they were said.
fn clauses(heard: &Heard, spans: &[Span], rules: &Rules) -> Vec<String> {
    let mut all: Vec<(usize, String)> = Vec::new();
    for span in spans {
        let text = chars(&heard.said, *span);
        for clause in text.split(|ch| !ch.is_alphanumeric()) {
            let bare = strip(&clause.iter().collect::<String>());
            let bare_chars: Vec<char> = bare.chars().collect();
            let substance = rules.substance(&bare_chars);
            if substance >= 4 {
                all.push((substance, bare));
            }
        }
    }
    // What was said first says what it is about; two or three clauses fill the line.
    all.truncate(4);
    all.into_iter().map(|(_, clause)| clause).collect()
}

fn strip(clause: &str) -> String {
    let mut rest = clause.trim();
    while let Some(next) = OPENERS.iter().find_map(|opener| rest.strip_prefix(opener)) {
        rest = next.trim();
    }
    rest.to_owned()
}
