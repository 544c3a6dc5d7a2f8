//! How well the times of characters fit the sound: where lines begin and end is known.

use nlu::Heard;

use crate::recording::Line;

/// Milliseconds by which the first character of an utterance misses the beginning of its line, and the
/// last one the end. Only of utterances that belong to one line alone, told apart by their channel.
pub fn errors(lines: &[Line], heard: &Heard) -> Vec<u64> {
    let mut errors = Vec::new();
    for said in heard.said.iter().filter(|said| !said.leg_uncertain) {
        let within = |line: &&Line| {
            line.leg == said.leg && line.start_ms < said.end_ms && said.start_ms < line.end_ms
        };
        let mut lines = lines.iter().filter(within);
        let (Some(line), None) = (lines.next(), lines.next()) else { continue };
        // A line that was heard in pieces has its beginning in one and its end in another.
        let whole = |ms: u64, edge: u64| ms.abs_diff(edge) < LONGEST_MISS;
        let words: Vec<&nlu::Char> = said.chars.iter().filter(|c| c.ch.is_alphanumeric()).collect();
        if let (Some(first), Some(last)) = (words.first(), words.last()) {
            errors.extend(
                whole(said.start_ms, line.start_ms).then(|| first.start_ms.abs_diff(line.start_ms)),
            );
            errors
                .extend(whole(said.end_ms, line.end_ms).then(|| last.end_ms.abs_diff(line.end_ms)));
        }
    }
    errors
}

/// An utterance whose edge lies further than this from the line's was cut there.
const LONGEST_MISS: u64 = 1000;

/// The value under which a share of the errors lies; `None` without any.
pub fn quantile(errors: &mut [u64], share: f64) -> Option<u64> {
    errors.sort_unstable();
    let at = ((errors.len() as f64 - 1.0) * share).round();
    errors.get(at.max(0.0) as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use nlu::{Char, Leg, Said};

    fn said(start_ms: u64, end_ms: u64, chars: &[(char, u64, u64)]) -> Said {
        let char = |(ch, start_ms, end_ms): &(char, u64, u64)| Char {
            ch: *ch,
            start_ms: *start_ms,
            end_ms: *end_ms,
            confidence: 1.0,
        };
        Said {
            start_ms,
            end_ms,
            chars: chars.iter().map(char).collect(),
            ..Said::from_text(Leg::Caller, "")
        }
    }

    #[test]
    fn edges_are_compared_where_an_utterance_is_one_line() {
        let line =
            |start_ms, end_ms| Line { leg: Leg::Caller, start_ms, end_ms, text: String::new() };
        let check = |lines: &[Line], said: Vec<Said>, expected: &[u64]| {
            let heard = Heard { said, started_at: jiff::Timestamp::UNIX_EPOCH, line_number: None };
            assert_eq!(errors(lines, &heard), expected);
        };
        let whole =
            || said(900, 2200, &[('停', 1050, 1300), ('水', 1300, 1900), ('。', 1900, 2100)]);
        check(&[line(1000, 2000)], vec![whole()], &[50, 100]);
        check(&[line(1000, 1400), line(1500, 2000)], vec![whole()], &[]);
        check(&[line(1000, 9000)], vec![whole()], &[50]);
        check(&[line(5000, 9000)], vec![whole()], &[]);
        assert_eq!((quantile(&mut [3, 1, 2], 0.5), quantile(&mut [], 0.5)), (Some(2), None));
    }
}
