//! What the web desk asks of the rest of the house.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use desk::{Desk, House, Progress, Upload};
use nlu::Heard;
use tickets::Store;

use crate::call::Calls;
use crate::config::Setting;
use crate::intake::{Intake, News, State};
use crate::recording::Sidecar;
use crate::{classifiers, convert, models, served, take};
use nlu::StoredTranscript;

/// The intake begins after the desk that tells of it.
pub type Hands = Arc<OnceLock<Arc<Intake>>>;

/// Joins the desk to the intake, the city's places, the understanding and the models.
pub fn house(setting: &Setting, store: &Arc<Store>, hands: &Hands) -> House {
    let followed = Arc::clone(store);
    let (listing, using) = (setting.clone(), setting.clone());
    let hands = Arc::clone(hands);
    House {
        submit: Box::new(move |upload| submit(&hands, upload)),
        places: Box::new(move |text| {
            let calls = served::calls();
            let found =
                calls.and_then(|calls| calls.mind.understanding.places().resolve_text(text));
            found.map(|found| convert::place(&found.value)).into_iter().collect()
        }),
        decide: Box::new(|heard| {
            served::calls().map_or_else(Vec::new, |calls| decide(&calls, heard))
        }),
        rules_changed: Box::new(move |()| {
            // Checked before they were kept; whatever is left to go wrong leaves the old ones.
            let followed = served::calls().map(|calls| calls.mind.follow(&followed));
            if let Some(Err(error)) = followed {
                tracing::error!("{}", take::one_line(&error));
            }
        }),
        models: Box::new(move |()| {
            models::listed(&listing).map_err(|error| take::one_line(&error))
        }),
        use_model: Box::new(move |name| {
            use_model(&using, name).map_err(|error| take::one_line(&error))
        }),
    }
}

/// Chooses a model and loads it; one that cannot be loaded leaves the choice as it was.
fn use_model(setting: &Setting, name: &str) -> anyhow::Result<()> {
    let before = models::chosen(setting, name)?;
    models::choose(setting, name)?;
    let Err(error) = served::renewed() else { return Ok(()) };
    models::choose(setting, &before)?;
    Err(error)
}

fn submit(hands: &Hands, upload: Upload) -> Result<String, String> {
    let Some(intake) = hands.get() else { return Err("系统正在启动，请稍候".to_owned()) };
    let Upload { path, name, started_at, caller, legs, .. } = upload;
    let sidecar = Sidecar { started_at, caller, legs, ..Sidecar::default() };
    // Should this process end before it is heard, the next start finds it described.
    let described = describe(&path, &name, &sidecar);
    described.map_err(|error| format!("录音没有保存：{error}"))?;
    let job = intake.submit(path, sidecar, name, true);
    job.map(|job| job.0.to_string()).map_err(|_| "等待识别的录音太多，请稍后再上传".to_owned())
}

/// Writes down beside an upload what is known of it.
fn describe(path: &Path, name: &str, sidecar: &Sidecar) -> std::io::Result<()> {
    let mut table = toml::Table::new();
    table.insert("name".to_owned(), name.into());
    if let Some(at) = sidecar.started_at {
        table.insert("started_at".to_owned(), at.to_string().into());
    }
    if let Some(caller) = &sidecar.caller {
        table.insert("caller".to_owned(), caller.clone().into());
    }
    if let Some(legs) = &sidecar.legs {
        let names: Vec<toml::Value> =
            legs.iter().map(|leg| convert::leg_name(*leg).into()).collect();
        table.insert("legs".to_owned(), names.into());
    }
    std::fs::write(path.with_extension("toml"), table.to_string())
}

/// Puts the uploads into the queue that an earlier process accepted and did not come to hear.
///
/// # Errors
/// A folder that cannot be read.
pub fn resume_uploads(setting: &Setting, intake: &Intake) -> anyhow::Result<()> {
    let folder = setting.data.join("uploads");
    if !folder.is_dir() {
        return Ok(());
    }
    for path in crate::recording::find(&[folder])? {
        let Ok(sidecar) = Sidecar::beside(&path) else { continue };
        let text = std::fs::read_to_string(path.with_extension("toml")).unwrap_or_default();
        let described: toml::Table = text.parse().unwrap_or_default();
        let name = described.get("name").and_then(toml::Value::as_str);
        let name = name.map_or_else(|| path.display().to_string(), str::to_owned);
        if intake.submit(path, sidecar, name, true).is_err() {
            // The rest comes with the next start.
            break;
        }
    }
    Ok(())
}

fn decide(calls: &Calls, heard: &Heard) -> Vec<tickets::Fields> {
    let transcript =
        StoredTranscript { v: 1, duration_ms: 0, incomplete: None, heard: heard.clone() };
    calls.mind.decide(&transcript).tickets.into_iter().map(|(_, fields)| fields).collect()
}

/// Tells consoles what became of a recording.
pub fn tell(desk: &Desk, news: &News) {
    let (state, progress, tickets, detail) = match &news.state {
        State::Waiting => ("waiting", 0.0, Vec::new(), None),
        State::Hearing(share) => ("hearing", f64::from(*share), Vec::new(), None),
        State::Done { call, known } => {
            if call.tickets.is_empty() && !known {
                desk.call_taken(call);
            }
            let detail = match (known, call.tickets.is_empty()) {
                (true, _) => Some("这段录音以前受理过".to_owned()),
                (false, true) => Some(match call.outcome.as_str() {
                    "transfer" => "市民要求人工服务，没有工单".to_owned(),
                    "none" => "没有诉求，没有工单".to_owned(),
                    _ => "无法识别，没有工单".to_owned(),
                }),
                _ => None,
            };
            ("done", 1.0, call.tickets.clone(), detail)
        }
        State::Failed(why) => ("failed", 1.0, Vec::new(), Some(nlu::redact(why))),
    };
    let name = nlu::redact(&news.name);
    desk.tell(Progress { job: news.job.0.to_string(), name, state, progress, tickets, detail });
}

/// Which classifiers there are, for the console.
pub fn classifiers(setting: &Setting) -> anyhow::Result<Vec<serde_json::Value>> {
    let in_use = classifiers::in_use(setting)?;
    let made_at = |path: &std::path::Path| {
        let made = std::fs::metadata(classifiers::weights(path)).ok()?.modified().ok()?;
        jiff::Timestamp::try_from(made).ok().map(tickets::written)
    };
    let one = |(name, path): (String, std::path::PathBuf)| serde_json::json!({ "name": name, "default": path == in_use, "made_at": made_at(&path) });
    Ok(classifiers::all(setting).into_iter().map(one).collect())
}
