//! Serving: routes, limits, loopback or TLS, and an end in order.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::{DefaultBodyLimit, Request};
use axum::routing::{get, post, put};
use axum::serve::IncomingStream;
use axum::{Router, middleware};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use utoipa::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use crate::{
    Desk, admin, attachments, boards, by_hand, calls, commands, listen, live, open311, session,
    tickets_api, upload, vocabulary, web,
};

/// Largest body of a request that is no upload, in bytes.
const LARGEST_BODY: usize = 1 << 20;
/// Seconds between rounds of reminders.
const ROUND: Duration = Duration::from_secs(60);
/// Seconds that a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Where and how the desk is served.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address.
    pub listen: SocketAddr,
    /// Certificate chain and key, in PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// A proxy on this machine or network speaks TLS to the browsers.
    pub behind_proxy: bool,
}

impl Config {
    /// Whether cookies go over TLS alone.
    pub fn secure(&self) -> bool {
        self.tls.is_some() || self.behind_proxy
    }

    /// Refuses to be reached from elsewhere without TLS.
    ///
    /// # Errors
    /// In words, with the remedy.
    pub fn check(&self) -> Result<(), String> {
        if self.listen.ip().is_loopback() || self.secure() {
            return Ok(());
        }
        Err(format!(
            "{}: callers' words would cross the network in the clear; give --cert and --key, put a TLS proxy before it and say --behind-proxy, or listen on 127.0.0.1",
            self.listen
        ))
    }
}

/// The API's description.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "12345 desk",
        description = "Tickets, calls and boards of a hotline. Sign in at /api/session; unsafe requests repeat the session's csrf in X-CSRF-Token."
    ),
    paths(
        session::sign_in,
        session::once,
        session::sign_out,
        session::me,
        session::password,
        vocabulary::vocabulary,
        vocabulary::places,
        vocabulary::knowledge,
        vocabulary::checklist,
        tickets_api::list,
        tickets_api::one,
        tickets_api::beside,
        by_hand::open,
        commands::command,
        commands::reveal,
        attachments::attach,
        attachments::attachment,
        calls::list,
        calls::one,
        listen::peaks,
        listen::sound,
        listen::export,
        calls::mark,
        calls::score,
        upload::upload,
        boards::boards,
        live::events,
        admin::departments,
        admin::put_department,
        admin::rules,
        admin::put_rules,
        admin::people,
        admin::add_person,
        admin::put_person,
        admin::new_link,
        admin::models,
        admin::use_model,
        admin::history,
        admin::looks,
        open311::services,
        open311::requests,
        open311::one,
        open311::create,
    )
)]
struct Description;

/// All routes.
pub(crate) fn routes(desk: Desk) -> Router {
    let uploads = Router::new()
        .route("/api/recordings", post(upload::upload))
        .layer(DefaultBodyLimit::max(upload::LARGEST_RECORDING + LARGEST_BODY));
    let attachments = Router::new()
        .route("/api/tickets/{id}/attachments", post(attachments::attach))
        .layer(DefaultBodyLimit::max(attachments::LARGEST_ATTACHMENT + LARGEST_BODY));
    // Sound does not shrink, and ranges count bytes as they are; a live stream must not wait.
    let shrinks = DefaultPredicate::new()
        .and(NotForContentType::const_new("audio/"))
        .and(NotForContentType::const_new("text/event-stream"));
    Router::new()
        .route("/api/session", post(session::sign_in).delete(session::sign_out))
        .route("/api/session/once", post(session::once))
        .route("/api/me", get(session::me))
        .route("/api/me/password", put(session::password))
        .route("/api/vocabulary", get(vocabulary::vocabulary))
        .route("/api/places", get(vocabulary::places))
        .route("/api/knowledge", get(vocabulary::knowledge))
        .route("/api/checklist", get(vocabulary::checklist))
        .route("/api/tickets", get(tickets_api::list).post(by_hand::open))
        .route("/api/tickets/{id}", get(tickets_api::one))
        .route("/api/tickets/{id}/beside", get(tickets_api::beside))
        .route("/api/tickets/{id}/commands", post(commands::command))
        .route("/api/tickets/{id}/reveal", post(commands::reveal))
        .route("/api/tickets/{id}/attachments/{n}", get(attachments::attachment))
        .route("/api/calls", get(calls::list))
        .route("/api/calls/{sha256}", get(calls::one))
        .route("/api/calls/{sha256}/peaks", get(listen::peaks))
        .route("/api/calls/{sha256}/sound", get(listen::sound))
        .route("/api/calls/{sha256}/export", get(listen::export))
        .route("/api/calls/{sha256}/marks", post(calls::mark))
        .route("/api/calls/{sha256}/scores", post(calls::score))
        .route("/api/boards", get(boards::boards))
        .route("/api/events", get(live::events))
        .route("/api/departments", get(admin::departments))
        .route("/api/departments/{name}", put(admin::put_department))
        .route("/api/dispatch-rules", get(admin::rules).put(admin::put_rules))
        .route("/api/people", get(admin::people).post(admin::add_person))
        .route("/api/people/{login}", put(admin::put_person))
        .route("/api/people/{login}/link", post(admin::new_link))
        .route("/api/models", get(admin::models))
        .route("/api/models/use", post(admin::use_model))
        .route("/api/history", get(admin::history))
        .route("/api/looks", get(admin::looks))
        .route("/open311/v2/services.json", get(open311::services))
        .route("/open311/v2/requests.json", get(open311::requests).post(open311::create))
        .route("/open311/v2/requests/{id}", get(open311::one))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .merge(uploads)
        .merge(attachments)
        .merge(SwaggerUi::new("/api/docs").url("/api/openapi.json", Description::openapi()))
        .fallback(web::console)
        .layer(CompressionLayer::new().compress_when(shrinks))
        .layer(middleware::from_fn_with_state(desk.clone(), web::guard))
        .with_state(desk)
}

/// Serves until `end` comes, then finishes the requests in work.
///
/// # Errors
/// A certificate that cannot be used, or a system that refuses.
pub async fn serve(
    desk: Desk,
    listener: TcpListener,
    tls: Option<(PathBuf, PathBuf)>,
    end: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let keeping = desk.clone();
    let index =
        std::thread::Builder::new().name("index".to_owned()).spawn(move || keeping.keep_index())?;
    let preparing = desk.clone();
    // It ends with the process: what it makes is a cache.
    std::thread::Builder::new().name("sounds".to_owned()).spawn(move || preparing.keep_sounds())?;
    let looking = desk.clone();
    let rounds = tokio::spawn(async move {
        // Not at once: whoever starts the desk looks at it first.
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + ROUND, ROUND);
        loop {
            ticks.tick().await;
            let desk = looking.clone();
            let round = tokio::task::spawn_blocking(move || desk.look_after()).await;
            if let Ok(Err(error)) = round {
                tracing::error!("{error}");
            }
        }
    });
    // Live streams never end by themselves: they are dropped when the end comes.
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let ending = async move {
        end.await;
        let _ = stop.send(true);
    };
    let routes = routes(desk.clone()).layer(middleware::from_fn(
        move |request: Request, next: middleware::Next| {
            let mut stopped = stopped.clone();
            async move {
                let response = next.run(request).await;
                let (parts, body) = response.into_parts();
                let streams = parts
                    .headers
                    .get("content-type")
                    .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
                if !streams {
                    return axum::response::Response::from_parts(parts, body);
                }
                let until = async move {
                    let _ = stopped.wait_for(|stop| *stop).await;
                };
                let body = axum::body::Body::from_stream(crate::live::Until::new(
                    body.into_data_stream(),
                    until,
                ));
                axum::response::Response::from_parts(parts, body)
            }
        },
    ));
    let service = routes.into_make_service_with_connect_info::<Peer>();
    let served = match tls {
        None => axum::serve(listener, service).with_graceful_shutdown(ending).await,
        Some((certificate, key)) => {
            let acceptor = acceptor(&certificate, &key)?;
            let tls = Tls::start(listener, acceptor)?;
            axum::serve(tls, service).with_graceful_shutdown(ending).await
        }
    };
    rounds.abort();
    desk.finding.close();
    let _ = tokio::task::spawn_blocking(move || index.join()).await;
    served
}

fn acceptor(certificate: &PathBuf, key: &PathBuf) -> std::io::Result<TlsAcceptor> {
    let wrong = |path: &PathBuf, what: &str| {
        let text = format!("{}: {what}; give files in PEM form", path.display());
        std::io::Error::new(std::io::ErrorKind::InvalidInput, text)
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| wrong(certificate, &format!("no certificate: {error}")))?;
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| wrong(key, &format!("no private key: {error}")))?;
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(certificate, &error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| wrong(certificate, &format!("does not go with its key: {error}")))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Connections that speak TLS. Handshakes go on beside one another, so that nobody who does not
/// finish one keeps others waiting.
struct Tls {
    address: SocketAddr,
    ready: tokio::sync::mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

/// Handshakes that go on at once.
const HANDSHAKES: usize = 256;

impl Tls {
    fn start(listener: TcpListener, acceptor: TlsAcceptor) -> std::io::Result<Tls> {
        let address = listener.local_addr()?;
        let (done, ready) = tokio::sync::mpsc::channel(HANDSHAKES);
        let room = Arc::new(tokio::sync::Semaphore::new(HANDSHAKES));
        tokio::spawn(async move {
            while !done.is_closed() {
                let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
                let Ok((stream, peer)) = listener.accept().await else {
                    // Out of files, say: it passes.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let (acceptor, done) = (acceptor.clone(), done.clone());
                tokio::spawn(async move {
                    let shaken = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await;
                    if let Ok(Ok(stream)) = shaken {
                        let _ = done.send((stream, peer)).await;
                    }
                    drop(permit);
                });
            }
        });
        Ok(Tls { address, ready })
    }
}

impl axum::serve::Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            // Nobody accepts any more: the program is about to end.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        Ok(self.address)
    }
}

/// Who is at the other end of the connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, Tls>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Tls>) -> Peer {
        Peer(*stream.remote_addr())
    }
}
