//! Recordings that come by browser: written beside the store piece by piece, then handed to the intake.

use axum::extract::multipart::Field;
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tickets::Role;
use tokio::io::AsyncWriteExt;

use crate::extract::Json;
use crate::people::Me;
use crate::problem::Problem;
use crate::tickets_api::moment;
use crate::{Desk, Upload};

/// Largest recording that may be uploaded, in bytes.
pub const LARGEST_RECORDING: usize = 2 << 30;
/// Fewest bytes that can hold any sound.
const LEAST: u64 = 22;

/// Takes a recording in.
#[utoipa::path(post, path = "/api/recordings", tag = "calls", responses((status = 202, description = "job: told of by the live stream"), (status = 503, body = Problem)))]
pub async fn upload(
    State(desk): State<Desk>,
    me: Me,
    mut form: Multipart,
) -> Result<Response, Problem> {
    me.must_be(&[Role::Agent, Role::Supervisor])?;
    let broken = || Problem::bad("上传中断，请重新上传");
    let mut kept: Option<(tempfile::TempPath, String)> = None;
    let (mut started_at, mut caller, mut legs) = (None, None, None);
    while let Some(mut field) = form.next_field().await.map_err(|_| broken())? {
        match field.name().unwrap_or_default().to_owned().as_str() {
            "file" => {
                let name = field.file_name().unwrap_or("recording.wav").to_owned();
                kept = Some((desk.spool(&mut field, &name).await?, name));
            }
            "started_at" => {
                let text = short(&mut field).await?;
                started_at = Some(moment(&text, false)?);
            }
            "caller" => caller = Some(short(&mut field).await?),
            "legs" => {
                let text = short(&mut field).await?;
                let names = text.split(',').map(|name| Value::String(name.trim().to_owned()));
                let parsed = serde_json::from_value(names.collect());
                legs = Some(parsed.map_err(|_| Problem::bad("legs 为 agent、caller 或 mixed"))?);
            }
            _ => {}
        }
    }
    let Some((path, name)) = kept else { return Err(Problem::bad("没有收到录音文件")) };
    let path = path.keep().map_err(|error| Problem::broken(&error))?;
    let by = me.person.name.clone();
    let upload = Upload { path: path.clone(), name, started_at, caller, legs, by };
    match (desk.house.submit)(upload) {
        Ok(job) => Ok((StatusCode::ACCEPTED, Json(json!({ "job": job }))).into_response()),
        Err(reason) => {
            let _ = std::fs::remove_file(path);
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Err(Problem::new(status, "/problems/busy", "暂时无法受理", reason))
        }
    }
}

/// A short text of a form, whatever its length.
async fn short(field: &mut Field<'_>) -> Result<String, Problem> {
    const LONGEST: usize = 200;
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(|_| Problem::bad("上传中断，请重新上传"))?
    {
        bytes.extend(piece);
        if bytes.len() > LONGEST {
            return Err(Problem::bad("表单里的文字太长"));
        }
    }
    String::from_utf8(bytes).map_err(|_| Problem::bad("表单里的文字不是 UTF-8"))
}

impl Desk {
    /// Writes an upload beside the store, piece by piece, under its own ending.
    async fn spool(
        &self,
        field: &mut Field<'_>,
        name: &str,
    ) -> Result<tempfile::TempPath, Problem> {
        let broken = |_| Problem::bad("上传中断，请重新上传");
        let full = |error: std::io::Error| Problem::full(&error);
        let ending = name.rsplit_once('.').map_or("wav", |(_, ending)| ending);
        let plain = ending.len() <= 5 && ending.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let ending = if plain { ending.to_ascii_lowercase() } else { "wav".to_owned() };
        let dir = self.store.root().join("uploads");
        std::fs::create_dir_all(&dir).map_err(full)?;
        let file = tempfile::Builder::new()
            .prefix("upload-")
            .suffix(&format!(".{ending}"))
            .tempfile_in(&dir)
            .map_err(full)?;
        let (file, path) = file.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        let mut length = 0;
        while let Some(piece) = field.chunk().await.map_err(broken)? {
            length += piece.len();
            if length > LARGEST_RECORDING {
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                return Err(Problem::new(
                    status,
                    "/problems/too-large",
                    "文件太大",
                    "录音最大 2 GB",
                ));
            }
            file.write_all(&piece).await.map_err(full)?;
        }
        file.flush().await.map_err(full)?;
        if (length as u64) <= LEAST {
            return Err(Problem::invalid("这个文件是空的，不是录音"));
        }
        Ok(path)
    }
}
