//! Errors as the API gives them: problem details (RFC 9457), in Chinese, with the remedy.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

/// Why a request was not carried out.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// What kind of problem, as a relative reference.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind in words.
    pub title: &'static str,
    /// HTTP status.
    #[serde(serialize_with = "status")]
    #[schema(value_type = u16)]
    pub status: StatusCode,
    /// What happened and what to do about it; fit to be shown.
    pub detail: String,
    /// The ticket as it is now, where somebody else was faster.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub current: Option<Box<Value>>,
    /// What is wrong with each rule of a table.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub problems: Option<Box<Value>>,
    /// Seconds after which it may be tried again.
    #[serde(skip)]
    pub retry_after: Option<u64>,
}

fn status<S: serde::Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_u16(status.as_u16())
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Problem {
        Problem {
            kind,
            title,
            status,
            detail: detail.into(),
            current: None,
            problems: None,
            retry_after: None,
        }
    }

    pub(crate) fn bad(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "/problems/bad-request", "请求有误", detail)
    }

    pub(crate) fn signed_out() -> Problem {
        let detail = "请先登录";
        Problem::new(StatusCode::UNAUTHORIZED, "/problems/signed-out", "未登录", detail)
    }

    pub(crate) fn forbidden(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::FORBIDDEN, "/problems/forbidden", "没有权限", detail)
    }

    /// Also for what somebody may not see: that it is there is told to nobody.
    pub(crate) fn absent(what: &str) -> Problem {
        let detail = format!("没有找到{what}");
        Problem::new(StatusCode::NOT_FOUND, "/problems/not-found", "没有找到", detail)
    }

    pub(crate) fn refused(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "/problems/refused", "现在不能这样做", detail)
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Problem::new(status, "/problems/invalid", "内容有误", detail)
    }

    pub(crate) fn stale(current: Value) -> Problem {
        let detail = "工单刚刚被别人修改过，请对照现在的内容再提交";
        let status = StatusCode::PRECONDITION_FAILED;
        let mut problem = Problem::new(status, "/problems/stale", "内容已变化", detail);
        problem.current = Some(Box::new(current));
        problem
    }

    pub(crate) fn broken(error: &dyn std::error::Error) -> Problem {
        // The store's messages name files, never callers.
        tracing::error!("{error}");
        let detail = "系统存储出错，内容没有保存；请稍后重试，并告诉管理员查看日志";
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Problem::new(status, "/problems/store", "系统出错", detail)
    }

    pub(crate) fn full(error: &dyn std::error::Error) -> Problem {
        tracing::error!("{error}");
        let detail = "磁盘已满，内容没有保存；请管理员清理磁盘后重试";
        Problem::new(StatusCode::INSUFFICIENT_STORAGE, "/problems/full", "磁盘已满", detail)
    }
}

impl From<tickets::Error> for Problem {
    fn from(error: tickets::Error) -> Problem {
        match &error {
            tickets::Error::Rejected(rejected) => Problem::refused(rejected.zh.clone()),
            tickets::Error::NoTicket(id) => Problem::absent(&format!("工单 {id}")),
            tickets::Error::Full { .. } => Problem::full(&error),
            tickets::Error::Conflict { .. } => {
                Problem::refused("另一张工单刚刚被别人修改过，请重试")
            }
            _ => Problem::broken(&error),
        }
    }
}

impl From<search::Error> for Problem {
    fn from(error: search::Error) -> Problem {
        Problem::broken(&error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(&self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
