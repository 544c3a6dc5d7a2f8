//! Where in a transcript the words were said.

use crate::Snippet;
use crate::letters::letters;
use crate::word::{Kind, Places, Word};

/// Most snippets of one hit.
const SNIPPETS: usize = 3;

/// Characters of a snippet; what is a little longer stays whole.
const LENGTH: usize = 80;

/// Characters left before the first mark where an utterance is cut.
const BEFORE: usize = 20;

/// What a line that holds a whole word counts, against one for each part of a word.
const WHOLE: usize = 4;

/// The utterances that hold most of the words, in their order.
pub(crate) fn snippets<'a>(
    words: &[Word],
    lines: impl Iterator<Item = (u64, &'a str)>,
) -> Vec<Snippet> {
    // Each line's letters, and what of which word stands in it.
    let lines: Vec<(u64, &str, Vec<usize>, Vec<char>)> = lines
        .map(|(start, text)| {
            let (at, letters) = letters(text).unzip();
            (start, text, at, letters)
        })
        .collect();
    let mut marks: Vec<Places> = vec![Vec::new(); lines.len()];
    let mut held: Vec<usize> = vec![0; lines.len()];
    for word in words {
        let found: Vec<Option<(Kind, Places)>> =
            lines.iter().map(|(.., letters)| word.stands(letters)).collect();
        // Where a word stands as it was typed, what resembles it is of no interest.
        let best = found.iter().flatten().map(|(kind, _)| *kind).max();
        for (line, found) in found.into_iter().enumerate() {
            if let Some((kind, places)) = found
                && Some(kind) == best
            {
                // A line with more of the parts of a word tells more.
                held[line] += if kind == Kind::Part { places.len().min(WHOLE) } else { WHOLE };
                marks[line].extend(places);
            }
        }
    }
    let mut best: Vec<usize> = (0..lines.len()).filter(|line| held[*line] > 0).collect();
    best.sort_by_key(|line| std::cmp::Reverse(held[*line]));
    best.truncate(SNIPPETS);
    best.sort_unstable();
    best.into_iter()
        .map(|line| {
            let (start_ms, text, at, _) = &lines[line];
            let marks = marks[line].iter().map(|(from, to)| (at[*from], at[*to - 1] + 1)).collect();
            let (text, marks) = cut(text, joined(marks));
            Snippet { utterance: line, start_ms: *start_ms, text, marks }
        })
        .collect()
}

/// Marks in order, those that touch made one.
fn joined(mut marks: Places) -> Places {
    marks.sort_unstable();
    let mut joined: Places = Vec::new();
    for (from, to) in marks {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// The part of a long utterance around its first mark.
fn cut(text: &str, marks: Places) -> (String, Places) {
    let count = text.chars().count();
    if count <= LENGTH + BEFORE {
        return (text.to_owned(), marks);
    }
    let first = marks.first().copied().unwrap_or_default();
    let from = first.0.saturating_sub(BEFORE).min(count - LENGTH);
    // A mark is never cut in two.
    let to = (from + LENGTH).max(first.1);
    let to = marks.iter().find(|(start, end)| *start < to && to < *end).map_or(to, |mark| mark.0);
    let mut part = String::new();
    if from > 0 {
        part.push('…');
    }
    let moved = usize::from(from > 0);
    part.extend(text.chars().skip(from).take(to - from));
    if to < count {
        part.push('…');
    }
    let inside = marks.into_iter().filter(|(start, end)| from <= *start && *end <= to);
    (part, inside.map(|(start, end)| (start - from + moved, end - from + moved)).collect())
}
