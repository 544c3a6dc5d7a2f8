//! Subtitles: WebVTT (W3C) and SubRip, the same from the command line and from the console.

use crate::transcript::Utterance;

/// One line of a transcript.
pub struct Line {
    /// From the recording's start.
    pub start_ms: u64,
    /// From the recording's start.
    pub end_ms: u64,
    /// Who speaks, in Chinese.
    pub who: &'static str,
    /// What is said.
    pub text: String,
}

impl Line {
    pub(crate) fn of(utterance: &Utterance) -> Line {
        let Utterance { start_ms, end_ms, text, corrected, .. } = utterance;
        let text = corrected.as_ref().unwrap_or(text).clone();
        let who = who(utterance.leg, utterance.uncertain);
        Line { start_ms: *start_ms, end_ms: *end_ms, who, text }
    }
}

/// What people call the speaker of a leg.
pub fn who(leg: &str, uncertain: bool) -> &'static str {
    match (leg, uncertain) {
        ("agent", false) => "话务员",
        ("agent", true) => "话务员？",
        ("caller", false) => "市民",
        ("caller", true) => "市民？",
        _ => "未分",
    }
}

/// Milliseconds as `00:01:02.345`.
pub fn clock(ms: u64, mark: char) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    format!("{:02}:{:02}:{:02}{mark}{ms:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Lines as WebVTT.
pub fn vtt(lines: &[Line]) -> String {
    let mut out = String::from("WEBVTT\n");
    for line in lines {
        let text = line.text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let (start, end) = (clock(line.start_ms, '.'), clock(line.end_ms, '.'));
        out.push_str(&format!("\n{start} --> {end}\n<v {}>{text}\n", line.who));
    }
    out
}

/// Lines as SubRip.
pub fn srt(lines: &[Line]) -> String {
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        let (start, end) = (clock(line.start_ms, ','), clock(line.end_ms, ','));
        let (number, who, text) = (number + 1, line.who, &line.text);
        out.push_str(&format!("{number}\n{start} --> {end}\n{who}：{text}\n\n"));
    }
    out
}
