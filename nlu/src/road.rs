//! Names of roads and estates, told by what they end in and by what no name begins with.

use crate::heard::is_at;

/// What a road or an estate ends in.
const ENDINGS: [&str; 17] = [
    "小区", "花园", "家园", "公寓", "大厦", "社区", "胡同", "大街", "大道", "新村", "苑", "路",
    "街", "巷", "里", "庄", "村",
];
/// Characters that no name of a road or an estate holds.
const APART: &str = "的在是有和跟到去从往住这那个我你他她它们，。！？、 ,.!?就叫着了过区县市镇乡";

/// How many characters before a place may belong to one name, at most `longest`.
pub(crate) fn before(chars: &[char], at: usize, longest: usize) -> usize {
    (at.saturating_sub(longest)..at).rev().take_while(|i| is_part(chars, *i)).count()
}

/// Whether a character may belong to a name.
pub(crate) fn is_part(chars: &[char], at: usize) -> bool {
    // 菜市口, 城市花园, 和平路 and 仁和家园 hold characters that end other names.
    let inside = match chars[at] {
        '市' => at > 0 && "城菜".contains(chars[at - 1]),
        '和' => {
            (at > 0 && "仁祥人".contains(chars[at - 1]))
                || chars.get(at + 1).is_some_and(|next| "平谐睦美顺".contains(*next))
        }
        ch => !APART.contains(ch),
    };
    inside && chars[at].is_alphanumeric()
}

/// The characters of the ending that begins at a place; 0 where none does.
pub(crate) fn ending(chars: &[char], at: usize) -> usize {
    let found = ENDINGS.iter().find(|ending| is_at(chars, at, ending));
    found.map_or(0, |ending| ending.chars().count())
}
