//! Counting characters, so that figures of different recognisers can be compared.
//!
//! Punctuation and spaces are dropped, traditional script becomes simplified, Arabic digits and 幺
//! become 零一二三四五六七八九, letters upper case; then Levenshtein distance, pooled: all errors
//! over all reference characters. Characters written where the reference is empty are reported
//! apart, as invented.

use std::sync::OnceLock;

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;

/// Errors over so many characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Substitutions, deletions and insertions.
    pub errors: usize,
    /// Characters of the references.
    pub characters: usize,
    /// Characters written where the reference is empty.
    pub invented: usize,
}

impl Count {
    /// Compares one text with its reference.
    pub fn of(reference: &str, heard: &str) -> Count {
        let (reference, heard) = (normalise(reference), normalise(heard));
        if reference.is_empty() {
            return Count { invented: heard.len(), ..Count::default() };
        }
        Count { errors: distance(&reference, &heard), characters: reference.len(), invented: 0 }
    }

    /// Errors over characters; `None` without any reference.
    pub fn rate(self) -> Option<f64> {
        (self.characters > 0).then(|| self.errors as f64 / self.characters as f64)
    }
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.errors += other.errors;
        self.characters += other.characters;
        self.invented += other.invented;
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Count>>(counts: I) -> Count {
        counts.fold(Count::default(), |mut total, count| {
            total += count;
            total
        })
    }
}

/// 95 % interval of the pooled rate, by resampling whole utterances a thousand times
/// (Bisani & Ney, ICASSP 2004). Seeded, so that the same counts give the same interval.
pub fn interval(counts: &[Count]) -> Option<(f64, f64)> {
    const ROUNDS: usize = 1000;
    counts.iter().copied().sum::<Count>().rate()?;
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let mut rates: Vec<f64> = (0..ROUNDS)
        .filter_map(|_| {
            (0..counts.len()).map(|_| counts[next() % counts.len()]).sum::<Count>().rate()
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let at = |share: f64| rates.get(((rates.len() - 1) as f64 * share).round() as usize).copied();
    Some((at(0.025)?, at(0.975)?))
}

/// The characters that count.
pub fn normalise(text: &str) -> Vec<char> {
    static SIMPLIFY: OnceLock<Option<OpenCC>> = OnceLock::new();
    let simplify = SIMPLIFY.get_or_init(|| OpenCC::from_config(BuiltinConfig::T2s).ok());
    let text = simplify.as_ref().map_or_else(|| text.to_owned(), |t2s| t2s.convert(text));
    text.chars()
        .flat_map(char::to_uppercase)
        .map(|ch| match ch {
            '0'..='9' => {
                "零一二三四五六七八九".chars().nth(ch as usize - '0' as usize).unwrap_or(ch)
            }
            '幺' => '一',
            '〇' => '零',
            other => other,
        })
        .filter(|ch| matches!(ch, '\u{4e00}'..='\u{9fff}' | 'A'..='Z'))
        .collect()
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut previous: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            row.push((previous[j + 1] + 1).min(row[j] + 1).min(previous[j] + usize::from(x != y)));
        }
        previous = row;
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_in_rows() {
        let rows = [
            ("我的电话是幺三八。", "我的電話是138", 0, 8),
            ("油烟太大", "游烟太大", 1, 4),
            ("喂，你好", "你好", 1, 3),
            ("A座", "a座", 0, 2),
        ];
        for (reference, heard, errors, characters) in rows {
            let count = Count::of(reference, heard);
            assert_eq!(
                (count.errors, count.characters),
                (errors, characters),
                "{reference} {heard}"
            );
        }
        assert_eq!(Count::of("", "谢谢").invented, 2);
    }

    #[test]
    fn the_interval_holds_the_rate() {
        let counts: Vec<Count> =
            (0..40).map(|i| Count { errors: i % 3, characters: 10, invented: 0 }).collect();
        let rate = counts.iter().copied().sum::<Count>().rate().expect("characters");
        let (low, high) = interval(&counts).expect("characters");
        assert!(low < rate && rate < high);
    }
}
