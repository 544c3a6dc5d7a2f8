//! Keeping the store: check, export, import, rebuild, departments.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use tickets::{Department, Exports, Store};

use crate::call::load_city;
use crate::cli::{DepartmentAction, DepartmentFields, Export, Global};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::show::now;
use crate::table::Table;
use crate::take::{load_transcript, open_store};
use crate::{print_json, print_text, say, terminal};

fn open(setting: &Setting) -> anyhow::Result<Arc<Store>> {
    open_store(setting, &load_city(&setting.city)?)
}

/// `hotline check`.
///
/// # Errors
/// A store that cannot be opened.
pub fn check(global: &Global, setting: &Setting) -> anyhow::Result<u8> {
    let checked = open(setting)?.check().or_exit(exit::STORE)?;
    if global.json {
        print_json(&serde_json::json!({
            "calls": checked.calls,
            "tickets": checked.tickets,
            "files": checked.files,
            "findings": checked.findings.iter().map(|f| serde_json::json!({ "what": f.what, "remedy": f.remedy })).collect::<Vec<_>>(),
            "unreferenced": checked.unreferenced,
        }))?;
    } else {
        let mut text = format!(
            "{} calls, {} tickets, {} files\n",
            checked.calls, checked.tickets, checked.files
        );
        for finding in &checked.findings {
            text.push_str(&format!("{}; remedy: {}\n", finding.what, finding.remedy));
        }
        if !checked.unreferenced.is_empty() {
            text.push_str(&format!(
                "{} files that no call refers to, left by an interrupted `take`\n",
                checked.unreferenced.len()
            ));
        }
        text.push_str(if checked.findings.is_empty() { "sound\n" } else { "not sound\n" });
        print_text(&text)?;
    }
    Ok(if checked.findings.is_empty() { 0 } else { exit::FOUND })
}

/// `hotline rebuild`.
///
/// # Errors
/// A store whose events cannot be read.
pub fn rebuild(setting: &Setting) -> anyhow::Result<u8> {
    let count = open(setting)?.rebuild().or_exit(exit::STORE)?;
    print_text(&format!("indexes of {count} tickets made again\n"))
}

/// `hotline export`.
///
/// # Errors
/// A file that cannot be written.
pub fn export(setting: &Setting, ask: &Export) -> anyhow::Result<u8> {
    let store = open(setting)?;
    if let Some(dir) = &ask.corrections {
        return corrections(&store, dir, &ask.by);
    }
    let exports = match (&ask.output, ask.full) {
        (Some(path), true) => store.export_full_to(path, &ask.by, now()).or_exit(exit::STORE)?,
        (Some(path), false) => {
            let mut file = File::create(path)
                .with_context(|| format!("{}: cannot be written", path.display()))?;
            let exports = redacted(&store, &mut file, path)?;
            file.sync_all().with_context(|| format!("{}: cannot be written", path.display()))?;
            exports
        }
        (None, true) if terminal::out_is_terminal() => {
            return Err(anyhow!(
                "a full backup holds everything that callers said; write it into a file: --output FILE"
            ));
        }
        (None, true) => {
            let to = Path::new("standard output");
            store.export_full(&mut terminal::out(), to, &ask.by, now()).or_exit(exit::STORE)?
        }
        (None, false) => redacted(&store, &mut terminal::out(), Path::new("standard output"))?,
    };
    tell(&exports, ask.output.as_deref());
    Ok(if exports.lost.is_empty() { 0 } else { exit::FOUND })
}

fn redacted(store: &Store, out: &mut dyn Write, to: &Path) -> anyhow::Result<Exports> {
    store.export_redacted(out, to, &|text| nlu::redact(text)).or_exit(exit::STORE)
}

/// Told beside the export, which may itself be on standard output.
fn tell(exports: &Exports, to: Option<&Path>) {
    for lost in &exports.lost {
        say(&format!(
            "{}: missing or altered, not exported; `hotline check` tells more",
            lost.display()
        ));
    }
    if let Some(path) = to {
        say(&format!("{}: {} calls, {} tickets", path.display(), exports.calls, exports.tickets));
    }
}

/// Sound and transcripts of corrected utterances: what a recogniser learns from on site.
fn corrections(store: &Store, dir: &Path, by: &str) -> anyhow::Result<u8> {
    let wrong = |path: &Path| format!("{}: cannot be written", path.display());
    std::fs::create_dir_all(dir).with_context(|| wrong(dir))?;
    store.record_export("corrections", by, now()).or_exit(exit::STORE)?;
    let list = dir.join("transcripts.tsv");
    let mut tsv = BufWriter::new(File::create(&list).with_context(|| wrong(&list))?);
    let mut count = 0;
    for corrected in store.corrected_calls() {
        let corrected = corrected.or_exit(exit::STORE)?;
        let heard = load_transcript(store, &corrected.call)?.heard;
        let legs: Vec<nlu::Leg> = heard.said.iter().map(|said| said.leg).collect();
        let recording = store.files().recording(&corrected.call.sha256, &corrected.call.ending);
        for (utterance, correction) in &corrected.said {
            let Some(said) = heard.said.get(*utterance) else { continue };
            let name = format!("{}-{utterance:03}.wav", &corrected.call.sha256[..16]);
            let stereo = legs.contains(&nlu::Leg::Agent)
                && !heard.said.iter().any(|said| said.leg_uncertain);
            let channel = usize::from(stereo && said.leg != nlu::Leg::Agent);
            audio::cut(&recording, channel, said.start_ms..said.end_ms, &dir.join(&name))?;
            // A tab or a line's end within the words would make another cell of them.
            let words = correction.said.replace(['\t', '\n', '\r'], " ");
            writeln!(tsv, "{name}\t{words}").with_context(|| wrong(&list))?;
            count += 1;
        }
    }
    tsv.flush().with_context(|| wrong(&list))?;
    print_text(&format!("{}: {count} corrected utterances\n", dir.display()))
}

/// `hotline import`.
///
/// # Errors
/// A backup that is not as it was written; what was reported before is in.
pub fn import(setting: &Setting, file: &Path) -> anyhow::Result<u8> {
    let store = open(setting)?;
    let mut out = terminal::out();
    // Whoever pipes a backup in waits for each number; a broken pipe must not stop the import.
    let mut durable = |id: tickets::TicketId| {
        let _ = writeln!(out, "{id}").and_then(|()| out.flush());
    };
    let imports = if file == Path::new("-") {
        store.import(terminal::input(), &mut durable)
    } else {
        let opened = File::open(file).with_context(|| {
            format!(
                "{}: cannot be read; name a file written by `hotline export --full`",
                file.display()
            )
        });
        store.import(BufReader::with_capacity(1 << 20, opened.or_exit(exit::INPUT)?), &mut durable)
    };
    let imports = imports.map_err(|error| {
        let code =
            if matches!(error, tickets::Error::Backup { .. }) { exit::INPUT } else { exit::STORE };
        exit::Exit {
            code,
            source: anyhow::Error::from(error)
                .context(format!("{}: import stopped", file.display())),
        }
    })?;
    // Standard output lists the tickets and nothing else.
    say(&format!(
        "{} calls and {} tickets taken in, {} calls known already, {} files that the backup lacked",
        imports.calls, imports.tickets, imports.known, imports.lost
    ));
    Ok(0)
}

/// `hotline departments`.
///
/// # Errors
/// An unknown department, or a name that is taken.
pub fn departments(
    global: &Global,
    setting: &Setting,
    action: Option<&DepartmentAction>,
) -> anyhow::Result<u8> {
    let store = open(setting)?;
    match action {
        None => return list_departments(global, &store),
        Some(DepartmentAction::Add { name, fields }) => {
            if store.departments().or_exit(exit::STORE)?.iter().any(|known| known.is_called(name)) {
                return Err(anyhow!(
                    "department {name} is there already; change it with `hotline departments edit`"
                ));
            }
            let new = Department {
                name: name.clone(),
                level: String::new(),
                aliases: Vec::new(),
                duties: String::new(),
                active: true,
            };
            let new = changed(new, fields);
            store.put_departments(&[new], &fields.by, now())?;
        }
        Some(DepartmentAction::Edit { name, fields }) => {
            let to = changed(store.department(name)?, fields);
            store.edit_department(name, &to, &fields.by, now())?;
        }
        Some(DepartmentAction::Import { file, by }) => {
            let opened = File::open(file)
                .with_context(|| format!("{}: cannot be read", file.display()))
                .or_exit(exit::INPUT)?;
            let list = Department::read_csv(file, opened).or_exit(exit::INPUT)?;
            store.put_departments(&list, by, now())?;
            return print_text(&format!("{} departments imported\n", list.len()));
        }
    }
    list_departments(global, &store)
}

fn changed(mut department: Department, fields: &DepartmentFields) -> Department {
    if let Some(level) = &fields.level {
        department.level.clone_from(level);
    }
    if let Some(active) = fields.active {
        department.active = active;
    }
    if let Some(name) = &fields.rename {
        department.name.clone_from(name);
    }
    for alias in &fields.alias {
        if !department.aliases.contains(alias) {
            department.aliases.push(alias.clone());
        }
    }
    department
}

fn list_departments(global: &Global, store: &Store) -> anyhow::Result<u8> {
    let all = store.departments().or_exit(exit::STORE)?;
    if global.json {
        let lines: Vec<String> = all.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        return print_text(&(lines.join("\n") + "\n"));
    }
    let mut table = Table::new(&["单位", "层级", "别名", "启用", "职责"]);
    for department in &all {
        table.row([
            department.name.clone(),
            department.level.clone(),
            department.aliases.join("、"),
            if department.active { "是" } else { "否" }.to_owned(),
            crate::table::shorten(&department.duties, 48),
        ]);
    }
    print_text(&table.to_string())
}

/// `hotline check-config`.
///
/// # Errors
/// One line a mistake.
pub fn check_config(setting: &Setting) -> anyhow::Result<u8> {
    let city = load_city(&setting.city)?;
    let classifier = crate::classifiers::in_use(setting)?;
    nlu::Understanding::load(&classifier, &setting.city, &city.code).or_exit(exit::CONFIG)?;
    print_text(&format!(
        "{}: {}, {} departments, {} dispatch rules, {} categories: sound\n",
        setting.city.display(),
        city.name,
        city.departments.len(),
        city.dispatch.len(),
        city.categories.len()
    ))
}
