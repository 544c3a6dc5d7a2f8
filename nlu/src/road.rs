//! Names of roads and estates, told by what they end in and by what no name begins with.

use crate::digits::digit_of;
use crate::entities::is_number;
use crate::heard::is_at;

/// What a road or an estate ends in.
const ENDINGS: [&str; 17] = [
    "小区", "花园", "家园", "公寓", "大厦", "社区", "胡同", "大街", "大道", "新村", "苑", "路",
    "街", "巷", "里", "庄", "村",
];
/// Characters that no name of a road or an estate holds.
const APART: &str =
    "的在是有和跟到去从往住这那个我你他她它们，。！？、 ,.!?就叫着了过区县市镇乡址为籍";

/// How many characters before a place may belong to one name, at most `longest`.
pub(crate) fn before(chars: &[char], at: usize, longest: usize) -> usize {
    (at.saturating_sub(longest)..at).rev().take_while(|i| is_part(chars, *i)).count()
}

/// Whether a character may belong to a name.
pub(crate) fn is_part(chars: &[char], at: usize) -> bool {
    // 菜市口, 城市花园, 和平路 and 仁和家园 hold characters that end other names.
    let next = chars.get(at + 1);
    let inside = match chars[at] {
        // 小营街道 is an office, and what follows it is named by itself.
        '街' if next == Some(&'道') => false,
        '道' if at > 0 && chars[at - 1] == '街' => false,
        // 华林国际B区, 白鹭郡北区, 朝晖六区, 西京社区乙区.
        '区' => {
            at > 0
                && (chars[at - 1].is_ascii_alphanumeric()
                    || "东西南北中一二三四五六七八九甲乙丙丁小老新社".contains(chars[at - 1]))
        }
        '市' => {
            (at > 0 && "城菜".contains(chars[at - 1]))
                || next.is_some_and(|next| "街口场".contains(*next))
        }
        '和' => {
            // 天和家园8栋.
            let estate = ending(chars, at + 1);
            let numbered = chars.get(at + 1 + estate).is_some_and(|ch| is_number(*ch));
            (at > 0 && "仁祥人万永泰太义雍颐熙康".contains(chars[at - 1]))
                || next.is_some_and(|next| "平谐睦美顺兴悦".contains(*next))
                || (estate > 1 && numbered)
        }
        ch => !APART.contains(ch),
    };
    inside && chars[at].is_alphanumeric()
}

/// The characters of the ending that begins at a place; 0 where none does.
pub(crate) fn ending(chars: &[char], at: usize) -> usize {
    let found = ENDINGS.iter().find(|ending| is_at(chars, at, ending));
    let found = found.filter(|_| !is_at(chars, at, "街道"));
    found.map_or(0, |ending| ending.chars().count())
}

/// Whether the ending at a place, by itself, is that of a name, and not of a word: 跑路, 农村, 系统里.
pub(crate) fn names(chars: &[char], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|at| chars[at]) else { return false };
    match chars[at] {
        '里' => "东西南北".contains(before),
        '路' => {
            !"跑修走公马铁道问带过速泥条半顺同迷堵绕开拦挡让指思门出退赶网电线套".contains(before)
                && digit_of(before).is_none()
                && before != '十'
        }
        '街' => !"上逛行条满".contains(before),
        '村' => !"农全们本各进中每乡邻壁两几".contains(before),
        '庄' => before != '村',
        _ => true,
    }
}
