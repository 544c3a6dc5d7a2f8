//! Files of tickets: what they are called is not believed, and nothing of them runs on this origin.

use axum::extract::{Multipart, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tickets::{Attachment, Command};

use crate::Desk;
use crate::extract::Path;
use crate::people::Me;
use crate::problem::Problem;
use crate::tickets_api::joined;

/// Largest attachment, in bytes.
pub const LARGEST_ATTACHMENT: usize = 20 << 20;

/// Adds a file to a ticket.
#[utoipa::path(post, path = "/api/tickets/{id}/attachments", tag = "tickets", responses((status = 201, description = "The ticket"), (status = 413, body = Problem)))]
pub async fn attach(
    State(desk): State<Desk>,
    me: Me,
    Path(id): Path<String>,
    mut form: Multipart,
) -> Result<Response, Problem> {
    let ticket = desk.visible(&id, &me)?;
    let too_large = || {
        let detail = format!("附件最大 {} MB", LARGEST_ATTACHMENT >> 20);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "/problems/too-large", "文件太大", detail)
    };
    let mut file = None;
    while let Some(field) = form.next_field().await.map_err(|_| too_large())? {
        if field.name() == Some("file") {
            let name = bare_name(field.file_name().unwrap_or_default());
            let media_type = media_type(&name);
            let bytes = field.bytes().await.map_err(|_| too_large())?;
            file = Some((name, media_type, bytes));
        }
    }
    let Some((name, media_type, bytes)) = file else {
        return Err(Problem::bad("没有收到文件"));
    };
    if bytes.len() > LARGEST_ATTACHMENT {
        return Err(too_large());
    }
    let (doing, by) = (desk.clone(), me.person.name.clone());
    let task = tokio::task::spawn_blocking(move || {
        let sha256 = doing.store.files().put_attachment(&bytes)?;
        let attachment = Attachment {
            name,
            sha256,
            bytes: bytes.len() as u64,
            media_type: media_type.to_owned(),
        };
        Ok(doing.execute(ticket.id, None, vec![Command::Attach(attachment)], &by)?)
    });
    let ticket = joined(task).await?;
    desk.answer(&ticket, &me, StatusCode::CREATED)
}

/// Longest name of a file, in characters.
const LONGEST_NAME: usize = 100;

/// A file's name without folders and without signs that lead astray.
fn bare_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain =
        |ch: &char| !ch.is_control() && !matches!(ch, '"' | '<' | '>' | ':' | '|' | '?' | '*');
    let kept: String = last.chars().filter(plain).take(LONGEST_NAME).collect();
    let kept = kept.trim_matches(['.', ' ']);
    if kept.is_empty() { "附件".to_owned() } else { kept.to_owned() }
}

/// What a file is, by its ending alone: what a browser says is not believed.
fn media_type(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map_or(String::new(), |(_, end)| end.to_ascii_lowercase());
    match ending.as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "pdf" => "application/pdf",
        "txt" => "text/plain",
        "mp4" => "video/mp4",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ => "application/octet-stream",
    }
}

/// An attachment, always as a download: nothing that was uploaded runs on this origin.
#[utoipa::path(get, path = "/api/tickets/{id}/attachments/{n}", tag = "tickets", responses((status = 200, description = "The file"), (status = 404, body = Problem)))]
pub async fn attachment(
    State(desk): State<Desk>,
    me: Me,
    Path((id, n)): Path<(String, usize)>,
) -> Result<Response, Problem> {
    let ticket = desk.visible(&id, &me)?;
    let file = ticket.life.attachments.get(n).ok_or_else(|| Problem::absent("这个附件"))?;
    let path = desk.store.files().attachment(&file.sha256);
    let bytes = tokio::fs::read(&path).await.map_err(|_| Problem::absent("这个附件的文件"))?;
    Ok((
        [
            (header::CONTENT_TYPE, file.media_type.clone()),
            (header::CONTENT_DISPOSITION, download(&file.name)),
        ],
        bytes,
    )
        .into_response())
}

/// A Content-Disposition for any name (RFC 6266, RFC 8187).
pub(crate) fn download(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let mut encoded = String::new();
    for byte in name.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever a file is called, its name is no path and says nothing to a header.
        #[test]
        fn names_of_files_stay_names(name in ".{0,200}") {
            let bare = bare_name(&name);
            prop_assert!(!bare.is_empty() && !bare.contains(['/', '\\', '"', '\n', '\r', '\0']));
            prop_assert!(bare != "." && bare != "..");
            prop_assert!(download(&bare).is_ascii());
        }
    }
}
