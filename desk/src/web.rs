//! The console, embedded in the binary, and the headers that keep a browser safe.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::Desk;
use crate::problem::Problem;

/// The built console.
#[derive(rust_embed::RustEmbed)]
#[folder = "web/dist"]
struct Console;

/// Nothing is loaded from anywhere else, nothing that was typed runs, nobody frames the console.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; object-src 'none'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// A file of the console; its first page for everything that is no file.
pub async fn console(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    let (path, kept) = match path {
        "" => ("index.html", false),
        path => (path, path.starts_with("assets/")),
    };
    let Some(file) = Console::get(path) else {
        return Problem::absent("这个页面").into_response();
    };
    let kind = file.metadata.mimetype().to_owned();
    // Names of assets carry the hash of what is in them.
    let cache = if kept { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache.to_owned())];
    (headers, Body::from(file.data.into_owned())).into_response()
}

/// Sets the headers of every answer, and refuses requests that came by another name: a page of
/// another site that has its own name resolve to this machine would otherwise be of this origin.
pub async fn guard(State(desk): State<Desk>, request: Request, next: Next) -> Response {
    if !desk.behind_proxy && !desk.secure && !is_loopback(&request) {
        let status = StatusCode::MISDIRECTED_REQUEST;
        let detail = "请用 127.0.0.1 或 localhost 访问；对外服务需要证书或 --behind-proxy";
        return Problem::new(status, "/problems/host", "地址有误", detail).into_response();
    }
    let api = request.uri().path().starts_with("/api/");
    let docs = request.uri().path().starts_with("/api/docs");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name: header::HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    // The description's viewer writes its styles and its first script into its page.
    if !docs {
        set(header::CONTENT_SECURITY_POLICY, POLICY);
    }
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::X_FRAME_OPTIONS, "DENY");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(
        header::HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    );
    if desk.secure {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    if api && !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn is_loopback(request: &Request) -> bool {
    let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let Some(host) = named.or(request.uri().host()) else { return false };
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => bare,
        _ => host,
    };
    matches!(bare, "localhost" | "127.0.0.1" | "[::1]")
}
