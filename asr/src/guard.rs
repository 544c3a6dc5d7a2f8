//! Telling what was said from what a recogniser makes up on noise, or repeats without end.

use crate::cer::normalise;

/// Why a decoding is not to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The same words again and again.
    Loop,
    /// The tokens were improbable.
    Improbable,
    /// More characters than anybody speaks in that time.
    TooFast,
}

/// Least mean log-probability of a decoding (Whisper's own threshold, Radford et al. 2022, 4.5).
const LEAST_LOGPROB: f32 = -1.0;
/// Characters a second that no caller reaches; brisk Mandarin is 5 to 7.
const MOST_CHARS_A_SECOND: f32 = 14.0;
/// No-speech probability from which an improbable text counts as silence (ibid.).
const NO_SPEECH: f32 = 0.6;
/// Mean log-probability under which a text is silence if the model also doubts that anybody spoke.
const SILENCE_LOGPROB: f32 = -0.8;

/// Figures of one decoding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) mean_logprob: f32,
    /// Mean over the characters; each is as certain as the least of its tokens.
    pub(crate) confidence: f32,
    pub(crate) no_speech: f32,
    pub(crate) seconds: f32,
}

/// What speaks against a decoding, if anything.
pub(crate) fn doubt(text: &str, figures: Figures) -> Option<Doubt> {
    let words: Vec<char> = text.chars().filter(|ch| ch.is_alphanumeric()).collect();
    if words.is_empty() {
        return None;
    }
    if words.len() as f32 > figures.seconds * MOST_CHARS_A_SECOND + 4.0 {
        return Some(Doubt::TooFast);
    }
    if repetition(&words).is_some() {
        return Some(Doubt::Loop);
    }
    (figures.mean_logprob < LEAST_LOGPROB).then_some(Doubt::Improbable)
}

/// Whether a text is better taken for silence: the model doubts that anybody spoke and that it
/// heard these words, or the text is one that recognisers learned from subtitles.
pub(crate) fn is_silence(text: &str, figures: Figures) -> bool {
    let words: String = text.chars().filter(|ch| ch.is_alphanumeric()).collect();
    words.is_empty()
        || figures.confidence < LEAST_CONFIDENCE
        || (figures.no_speech > NO_SPEECH && figures.mean_logprob < SILENCE_LOGPROB)
        || is_prompt(&words)
        || is_faint(&words, figures)
        || is_caption(&words)
        || SUBTITLES.iter().any(|line| words.contains(line))
}

/// Mean confidence in the characters under which they were made up: the worst of 740 utterances of
/// telephone calls had 0.43, words heard in music 0.17.
const LEAST_CONFIDENCE: f32 = 0.3;

/// Whether a few words are spread over a time in which people say many, or were all but guessed:
/// what comes of ringing and music.
fn is_faint(words: &str, figures: Figures) -> bool {
    let count = words.chars().count() as f32;
    let slow = figures.seconds > 3.0 && count < FEWEST_CHARS_A_SECOND * figures.seconds;
    (count <= 4.0 && figures.mean_logprob < GUESSED_LOGPROB)
        || (slow && figures.mean_logprob < DOUBTED_LOGPROB)
}

/// Mean log-probability under which a word or two was guessed.
const GUESSED_LOGPROB: f32 = -1.3;
/// Mean log-probability under which slow words are doubted.
const DOUBTED_LOGPROB: f32 = -0.5;
/// Even who hesitates says this many characters a second.
const FEWEST_CHARS_A_SECOND: f32 = 0.8;

/// Whether the words are those of the prompt that the decoder was given: over noise it says them
/// again, or something like them.
fn is_prompt(words: &str) -> bool {
    let count = words.chars().count();
    let shared = words.chars().filter(|ch| PROMPT.contains(*ch)).count();
    shared >= 5 && shared * 3 >= count * 2 && count <= PROMPT.chars().count() + 4
}

/// A plain prompt that makes Whisper write simplified script with punctuation.
pub(crate) const PROMPT: &str = "以下是普通话的句子。";

/// Two numbers as they are read out, digits that stand twice among them.
pub(crate) const NUMBERS: &str =
    "我的电话是幺三八，零零幺三，八零零零。幺五五，七七二二，零零幺幺。";

/// Whether a text holds a number that the decoder was told of beforehand.
pub(crate) fn is_number_prompt(text: &str) -> bool {
    let bare = |text: &str| normalise(text).into_iter().collect::<String>();
    let text = bare(text);
    let told = NUMBERS.split('。').map(|sentence| bare(&sentence.replace("我的电话是", "")));
    told.filter(|number| !number.is_empty()).any(|number| text.contains(&number))
}

/// Lines that Whisper learned from the ends of subtitled films and says over silence and music.
const SUBTITLES: [&str; 12] = [
    "谢谢观看",
    "谢谢大家观看",
    "感谢观看",
    "感谢收看",
    "请不吝点赞",
    "点赞订阅",
    "订阅转发",
    "打赏支持",
    "明镜与点点",
    "字幕志愿者",
    "字幕by",
    "优优独播剧场",
];

/// Whether the words are a caption of a sound that is no speech, or the credits of a song.
fn is_caption(words: &str) -> bool {
    let credits = CREDITS.iter().any(|word| words.starts_with(word));
    CAPTIONS.contains(&words) || (credits && words.chars().count() <= LONGEST_CREDITS)
}

/// What captions call a sound; a caller does not say just this.
const CAPTIONS: [&str; 5] = ["语音", "语言", "铃声", "掌声", "笑声"];
/// How the credits of a song begin, and how long they are: a caller may well speak of a composer.
const CREDITS: [&str; 4] = ["词曲", "作词", "作曲", "编曲"];
const LONGEST_CREDITS: usize = 8;

/// Shortest and longest period of a loop, in characters.
const PERIODS: std::ops::RangeInclusive<usize> = 1..=16;

/// Where a loop begins and how long its period is. People do repeat themselves (喂喂喂，对对对),
/// so short periods need many repetitions; digits may repeat at will.
fn repetition(words: &[char]) -> Option<(usize, usize)> {
    for period in PERIODS {
        let least = match period {
            1 => 8,
            2 => 6,
            3..=5 => 4,
            _ => 3,
        };
        let mut run = 0;
        for at in period..words.len() {
            let same = words[at] == words[at - period] && !is_digit(words[at]);
            run = if same { run + 1 } else { 0 };
            if run >= period * (least - 1) {
                return Some((at + 1 - run - period, period));
            }
        }
    }
    None
}

fn is_digit(ch: char) -> bool {
    ch.is_ascii_digit() || "零一二三四五六七八九幺".contains(ch)
}

/// Characters to keep so that a loop is said once: the count of leading characters of `text`.
pub(crate) fn before_loop(text: &[char]) -> usize {
    let at: Vec<usize> = (0..text.len()).filter(|i| text[*i].is_alphanumeric()).collect();
    let words: Vec<char> = at.iter().map(|i| text[*i]).collect();
    match repetition(&words) {
        Some((start, period)) => at.get(start + period).copied().unwrap_or(text.len()),
        None => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_it_was_told_is_none_that_it_heard() {
        assert!(is_number_prompt("我的电话是一三八零零一三八零零零。"));
        assert!(is_number_prompt("13800138000"), "in digits, too");
        assert!(is_number_prompt("幺五五，七七二二，零零幺幺"));
        assert!(!is_number_prompt("幺三八，零零幺三，八零零幺"));
    }

    const SURE: Figures =
        Figures { mean_logprob: -0.2, confidence: 0.8, no_speech: 0.0, seconds: 10.0 };

    #[test]
    fn loops_are_seen_and_people_who_repeat_themselves_are_not() {
        let rows = [
            ("我们这里停水了，我们这里停水了，我们这里停水了，我们这里停水了", Some(Doubt::Loop)),
            ("好好好好好好好好好好好", Some(Doubt::Loop)),
            ("喂喂喂，你好", None),
            ("对对对，就是就是，就是那个", None),
            ("幺三八零零零零零零零零", None),
            ("一三八一三八一三八一三八", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(doubt(text, SURE), expected, "{text}");
        }
    }

    #[test]
    fn a_loop_is_kept_once() {
        let text: Vec<char> = "喂，停水了停水了停水了停水了停水了".chars().collect();
        assert_eq!(text[..before_loop(&text)].iter().collect::<String>(), "喂，停水了");
    }

    #[test]
    fn silence_needs_two_witnesses() {
        let doubtful = Figures { mean_logprob: -1.2, no_speech: 0.9, seconds: 3.0, ..SURE };
        assert!(is_silence("嗯", doubtful));
        assert!(!is_silence("嗯", Figures { mean_logprob: -0.3, ..doubtful }));
        assert!(is_silence("请不吝点赞 订阅", SURE));
        assert!(is_silence(
            "在这儿",
            Figures { mean_logprob: -0.7, no_speech: 0.1, seconds: 16.0, ..SURE }
        ));
        assert!(!is_silence(
            "在这儿",
            Figures { mean_logprob: -0.7, no_speech: 0.1, seconds: 1.2, ..SURE }
        ));
        assert!(is_silence("这些人是普通话的句子。", SURE) && !is_silence("我说普通话的", SURE));
        assert!(
            is_silence("语音", SURE)
                && !is_silence("噪音", SURE)
                && !is_silence("语音太小了", SURE)
        );
        assert!(
            is_silence("作曲 李宗盛", SURE) && !is_silence("作曲的那个老师一直不给我们上课", SURE)
        );
        let garbled = Figures { confidence: 0.2, ..SURE };
        assert!(is_silence("男生不容易加工的", garbled));
        assert_eq!(
            doubt("一二三", Figures { mean_logprob: -1.5, ..SURE }),
            Some(Doubt::Improbable)
        );
        assert_eq!(
            doubt(&"我要投诉楼下的烧烤店油烟太大".repeat(2), Figures { seconds: 1.0, ..SURE }),
            Some(Doubt::TooFast)
        );
    }
}
