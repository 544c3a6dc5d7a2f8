//! Hearing a call: its waveform, its sound in ranges, and what is taken away of it.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tickets::{Call, Role};

use crate::attachments::download;
use crate::calls::Shown;
use crate::extract::{Json, Path, Query};
use crate::people::Me;
use crate::problem::Problem;
use crate::sound::{Peaks, Sound};
use crate::subtitles::{self, Line};
use crate::tickets_api::joined;
use crate::{Desk, transcript};

/// Bytes of sound in one answer at most: a browser asks for the rest.
const LARGEST_RANGE: u64 = 1 << 20;

/// A waveform, with the stretches in which nobody speaks.
#[derive(Serialize, utoipa::ToSchema)]
pub struct Waveform {
    #[serde(flatten)]
    peaks: Peaks,
    /// Whose voice each of `legs` is.
    names: Vec<&'static str>,
    silence: Vec<(u64, u64)>,
}

/// The waveform of a call.
#[utoipa::path(get, path = "/api/calls/{sha256}/peaks", tag = "calls", responses((status = 200, body = Waveform)))]
pub async fn peaks(
    State(desk): State<Desk>,
    me: Me,
    Path(sha256): Path<String>,
) -> Result<Json<Waveform>, Problem> {
    let task = tokio::task::spawn_blocking(move || {
        let (call, _) = desk.visible_call(&sha256, &me)?;
        let (_, peaks) = desk.sound_of(&call)?;
        let stored = transcript::load(&desk.store, &call)?;
        let silence = transcript::silences(&stored.heard, peaks.duration_ms);
        let names = transcript::channels(&stored.heard, &peaks);
        Ok(Waveform { peaks, names, silence })
    });
    Ok(Json(joined(task).await?))
}

impl Desk {
    /// Makes ready what opening a call needs, so that it opens at once.
    pub(crate) fn prepare(&self, sha256: &str) {
        let Ok(Some(call)) = self.store.call(sha256) else { return };
        let made = self.sound_of(&call).and_then(|_| self.check(&call));
        if let Err(problem) = made {
            // Whoever opens the call is told.
            tracing::debug!(sha256, "{}", problem.detail);
        }
    }

    /// The sound and the waveform of a call.
    pub(crate) fn sound_of(&self, call: &Call) -> Result<(Sound, Peaks), Problem> {
        if !call.has_sound() {
            return Err(Problem::absent("录音：这张工单是手工建立的"));
        }
        let path = self.store.files().recording(&call.sha256, &call.ending);
        if !path.is_file() {
            return Err(Problem::absent("录音文件，请管理员运行 hotline check 查看"));
        }
        Ok(self.sounds.of(&call.sha256, &path)?)
    }
}

/// The sound of a call, in ranges (RFC 9110, section 14).
#[utoipa::path(get, path = "/api/calls/{sha256}/sound", tag = "calls", params(Shown), responses((status = 200, description = "audio/wav"), (status = 206, description = "A part of it"), (status = 416, body = Problem)))]
pub async fn sound(
    State(desk): State<Desk>,
    me: Me,
    Path(sha256): Path<String>,
    Query(shown): Query<Shown>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let task = tokio::task::spawn_blocking(move || {
        let (call, tickets) = desk.visible_call(&sha256, &me)?;
        desk.look(&me, &call, "recording", shown.redact, &shown.why)?;
        let (sound, _) = desk.sound_of(&call)?;
        let silenced = match shown.redact {
            true => {
                let corrected = transcript::corrections(tickets.iter());
                transcript::silenced(&transcript::load(&desk.store, &call)?.heard, &corrected)
            }
            false => Vec::new(),
        };
        let (from, to) = match range.as_deref().map(|range| parse_range(range, sound.bytes)) {
            None => (0, sound.bytes),
            Some(Some((from, to))) => (from, to.min(from + LARGEST_RANGE)),
            Some(None) => {
                let status = StatusCode::RANGE_NOT_SATISFIABLE;
                return Err(Problem::new(status, "/problems/range", "范围有误", "录音没有这一段"));
            }
        };
        let (length, total) = (to - from, sound.bytes);
        let mut response = pieces(sound, from, to, silenced).into_response();
        let headers = response.headers_mut();
        let value = |text: String| text.parse().map_err(|_| Problem::bad("范围有误"));
        headers.insert(header::CONTENT_TYPE, value("audio/wav".to_owned())?);
        headers.insert(header::ACCEPT_RANGES, value("bytes".to_owned())?);
        headers.insert(header::CONTENT_LENGTH, value(length.to_string())?);
        headers.insert(header::CACHE_CONTROL, value("private, max-age=600".to_owned())?);
        if range.is_some() {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let range = format!("bytes {from}-{}/{total}", to - 1);
            response.headers_mut().insert(header::CONTENT_RANGE, value(range)?);
        }
        Ok(response)
    });
    joined(task).await
}

/// A part of a sound, sent in pieces, so that an hour of it is never in memory.
fn pieces(sound: Sound, from: u64, to: u64, silenced: Vec<(u64, u64)>) -> Body {
    let mut at = from;
    let pieces = std::iter::from_fn(move || {
        if at >= to {
            return None;
        }
        let end = (at + LARGEST_RANGE).min(to);
        let piece = sound.read(at, end, &silenced);
        at = end;
        Some(piece)
    });
    Body::from_stream(tokio_stream::iter(pieces))
}

/// `bytes=from-to`, `bytes=from-` or `bytes=-last`; one range.
fn parse_range(text: &str, length: u64) -> Option<(u64, u64)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (from.trim(), to.trim()) {
        ("", last) => (length.saturating_sub(last.parse().ok()?), length),
        (from, "") => (from.parse().ok()?, length),
        (from, to) => (from.parse().ok()?, to.parse::<u64>().ok()?.checked_add(1)?.min(length)),
    };
    (from < to && from < length).then_some((from, to))
}

/// A call for use elsewhere.
#[utoipa::path(get, path = "/api/calls/{sha256}/export", tag = "calls", params(Shown), responses((status = 200, description = "A download")))]
pub async fn export(
    State(desk): State<Desk>,
    me: Me,
    Path(sha256): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Response, Problem> {
    me.must_be(&[Role::Agent, Role::Supervisor])?;
    let task = tokio::task::spawn_blocking(move || {
        let (call, tickets) = desk.visible_call(&sha256, &me)?;
        desk.look(&me, &call, "export", shown.redact, &shown.why)?;
        let stored = transcript::load(&desk.store, &call)?;
        let corrected = transcript::corrections(tickets.iter());
        let utterances = transcript::utterances(&stored.heard, &corrected, shown.redact);
        let lines: Vec<Line> = utterances.iter().map(Line::of).collect();
        let (kind, ending, body) = match shown.form.as_str() {
            "vtt" => ("text/vtt; charset=utf-8", "vtt", Body::from(subtitles::vtt(&lines))),
            "srt" => ("application/x-subrip", "srt", Body::from(subtitles::srt(&lines))),
            "json" => {
                let json = desk.call_json(&call, &tickets, shown.redact, &me)?;
                ("application/json", "json", Body::from(json.to_string()))
            }
            "sound" => {
                let (sound, _) = desk.sound_of(&call)?;
                let silenced = match shown.redact {
                    true => transcript::silenced(&stored.heard, &corrected),
                    false => Vec::new(),
                };
                let all = sound.bytes;
                ("audio/wav", "wav", pieces(sound, 0, all, silenced))
            }
            _ => return Err(Problem::bad("导出格式为 vtt、srt、json 或 sound")),
        };
        let day = crate::board::local(call.started_at).strftime("%Y%m%d-%H%M%S");
        let note = if shown.redact { "" } else { "-未脱敏" };
        let name = format!("call-{day}-{}{note}.{ending}", &call.sha256[..8]);
        let kind = kind.to_owned();
        Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, download(&name))], body)
            .into_response())
    });
    joined(task).await
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a browser sends, a range lies within the sound.
        #[test]
        fn ranges_lie_within_the_sound(text in "(bytes=)?[0-9]{0,22}-[0-9]{0,22}|.{0,30}", length in 0u64..1_000_000) {
            if let Some((from, to)) = parse_range(&text, length) {
                prop_assert!(from < to && to <= length);
            }
        }
    }
}
