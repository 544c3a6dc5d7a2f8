//! Live updates: every change of a ticket to every console that may see it, as server-sent events
//! (HTML, section 9.2). A change is serialised once, however many listen.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use jiff::Timestamp;
use tickets::Role;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;
use tokio_stream::{Stream, StreamExt};

use crate::people::Me;
use crate::problem::Problem;
use crate::summary::{Row, Summary};
use crate::{Desk, Progress};

/// Changes that a slow console may be behind; one that is further behind is told to load anew.
const BEHIND: usize = 1024;
/// Seconds between signs of life.
const ALIVE_S: u64 = 15;

/// What consoles are told.
#[derive(Debug, Clone)]
enum News {
    Ticket {
        json: Arc<str>,
        id: Arc<str>,
        /// Departments that had it or have it.
        before: Arc<[String]>,
        after: Arc<[String]>,
    },
    Recording(Arc<str>),
    /// Queue counts may differ now.
    Counts,
}

/// Where news comes from.
#[derive(Debug)]
pub struct Live {
    news: broadcast::Sender<News>,
}

impl Default for Live {
    fn default() -> Live {
        Live { news: broadcast::channel(BEHIND).0 }
    }
}

fn holders(summary: &Summary) -> Arc<[String]> {
    summary.department.iter().chain(&summary.co).cloned().collect()
}

impl Live {
    pub fn ticket(&self, before: Option<&Summary>, after: &Summary, row: Row) {
        if self.news.receiver_count() == 0 {
            return;
        }
        let Ok(json) = serde_json::to_string(&row) else { return };
        let news = News::Ticket {
            json: json.into(),
            id: after.id.to_string().into(),
            before: before.map_or_else(|| Arc::from([]), holders),
            after: holders(after),
        };
        // Nobody listening is no error.
        let _ = self.news.send(news);
        let _ = self.news.send(News::Counts);
    }

    pub fn recording(&self, progress: Progress) {
        let Ok(json) = serde_json::to_string(&progress) else { return };
        let _ = self.news.send(News::Recording(json.into()));
    }
}

/// The stream of what changes, within what the person may see.
#[utoipa::path(get, path = "/api/events", tag = "live", responses((status = 200, description = "text/event-stream: ticket, recording, counts, reload")))]
pub async fn events(
    State(desk): State<Desk>,
    me: Me,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    me.works_tickets()?;
    let within = me.within().map(<[String]>::to_vec);
    let hears_recordings = me.person.role != Role::Handler;
    let counting = desk.clone();
    let counted = within.clone();
    // Counting goes over all tickets, so a burst of changes is counted once a second at most.
    let counts = move || counts_event(&counting, counted.as_deref());
    let first = tokio_stream::once(counts());
    let jobs: Vec<Event> = if hears_recordings { desk.jobs_underway() } else { Vec::new() };
    // A stream outlives neither its session nor its rights.
    let (watching, headers_key) = (desk.clone(), me.key.clone());
    let rights = move || {
        let session = watching.store.session(&headers_key).ok().flatten();
        let person = watching.store.person(&me.person.login).ok().flatten();
        let same = |person: tickets::Person| {
            person.active
                && person.role == me.person.role
                && person.department == me.person.department
        };
        session.is_some_and(|session| session.expires_at > Timestamp::now())
            && person.is_some_and(same)
    };
    let mut ticked = 0u32;
    let mut last_count = Timestamp::now();
    let mut owed = false;
    let news = BroadcastStream::new(desk.live.news.subscribe()).map(Some);
    let ticks = tokio_stream::wrappers::IntervalStream::new(tokio::time::interval(COUNT_EVERY))
        .map(|_| None);
    let changes = news.merge(ticks).map(move |item| match item {
        None if {
            ticked += 1;
            ticked.is_multiple_of(RIGHTS_EVERY) && !rights()
        } =>
        {
            Next::End
        }
        // A tick: count if something changed since.
        None if owed && Timestamp::now().duration_since(last_count).as_millis() >= 1000 => {
            owed = false;
            last_count = Timestamp::now();
            Next::Tell(counts())
        }
        None => Next::Nothing,
        Some(Ok(News::Counts)) => {
            owed = true;
            Next::Nothing
        }
        Some(Ok(News::Recording(json))) if hears_recordings => {
            Next::Tell(Event::default().event("recording").data(json))
        }
        Some(Ok(News::Recording(_))) => Next::Nothing,
        Some(Ok(News::Ticket { json, id, before, after })) => {
            let sees = |holders: &[String]| {
                within.as_ref().is_none_or(|names| names.iter().any(|name| holders.contains(name)))
            };
            match (sees(&before), sees(&after)) {
                (_, true) => Next::Tell(Event::default().event("ticket").data(json)),
                (true, false) => {
                    let gone = format!("{{\"id\":\"{id}\",\"gone\":true}}");
                    Next::Tell(Event::default().event("ticket").data(gone))
                }
                (false, false) => Next::Nothing,
            }
        }
        Some(Err(BroadcastStreamRecvError::Lagged(_))) => {
            Next::Tell(Event::default().event("reload").data("{}"))
        }
    });
    let told =
        changes.take_while(|next| !matches!(next, Next::End)).filter_map(|next| match next {
            Next::Tell(event) => Some(event),
            Next::Nothing | Next::End => None,
        });
    let stream = first.chain(tokio_stream::iter(jobs)).chain(told).map(Ok);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(ALIVE_S))))
}

/// What comes of a piece of news.
enum Next {
    Tell(Event),
    Nothing,
    End,
}

/// Ticks between two looks at whether somebody may still listen.
const RIGHTS_EVERY: u32 = 10;

impl Desk {
    /// Recordings that are being heard, for a console that opens now.
    fn jobs_underway(&self) -> Vec<Event> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let underway = jobs.values().filter(|job| matches!(job.state, "waiting" | "hearing"));
        let told = underway.filter_map(|job| serde_json::to_string(job).ok());
        told.map(|json| Event::default().event("recording").data(json)).collect()
    }
}

/// How often a console looks whether its counts are stale.
const COUNT_EVERY: Duration = Duration::from_millis(1000);

fn counts_event(desk: &Desk, within: Option<&[String]>) -> Event {
    let counts = desk.counts(within);
    Event::default().event("counts").data(serde_json::to_string(&*counts).unwrap_or_default())
}

/// A stream that ends when something else happens.
pub struct Until<S> {
    stream: S,
    end: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<S> Until<S> {
    pub fn new(stream: S, end: impl Future<Output = ()> + Send + 'static) -> Until<S> {
        Until { stream, end: Box::pin(end) }
    }
}

impl<S: Stream + Unpin> Stream for Until<S> {
    type Item = S::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        if self.end.as_mut().poll(context).is_ready() {
            return std::task::Poll::Ready(None);
        }
        std::pin::Pin::new(&mut self.stream).poll_next(context)
    }
}
