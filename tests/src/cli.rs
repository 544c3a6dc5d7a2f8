//! The command line on a store with a few calls in it.

use std::process::Stdio;

use serde_json::Value;

use crate::run::{Desk, FEW, few, fixture, texts};

/// Somebody who saw a fight.
const EMERGENCY: &str = "24-";
/// A manhole without its cover.
const MANHOLE: &str = "35-";
/// No water, in one mixed channel.
const WATER: &str = "12-";

fn field<'a>(desk_json: &'a [Value], field: &str) -> Vec<&'a str> {
    desk_json.iter().map(|ticket| ticket[field].as_str().unwrap_or_default()).collect()
}

#[test]
fn a_list_is_narrowed_by_department_status_time_and_words() {
    let desk = Desk::with_few();
    let all = desk.run(&["tickets", "--json"]).well().json();
    assert_eq!(all.len(), few().tickets());
    let list = |args: &[&str]| {
        let listed = desk.run(&[&["tickets", "--json"], args].concat()).well().json();
        field(&listed, "id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let expect = |fits: &dyn Fn(&Value) -> bool| {
        let fitting: Vec<Value> = all.iter().filter(|ticket| fits(ticket)).cloned().collect();
        field(&fitting, "id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(list(&["--department", "市公安局"]), expect(&|t| t["department"] == "市公安局"));
    assert_eq!(
        list(&["--department", "派出所"]),
        list(&["--department", "市公安局"]),
        "an alias will do"
    );
    for status in ["已派遣", "待补充", "待复核"] {
        assert_eq!(list(&["--status", status]), expect(&|t| t["status"] == status), "{status}");
    }
    let id = |name: &str| few().id(name).to_owned();
    assert_eq!(list(&["--since", "2026-07-11", "--until", "2026-07-12"]), [id(EMERGENCY)]);
    assert_eq!(
        list(&["--since", "2026-07-11T22:48:03+08:00", "--until", "2026-08-01"]),
        [id(MANHOLE)]
    );
    assert_eq!(list(&["--until", "2026-03-01"]), [id(WATER)]);
    assert_eq!(list(&["--since", "2027-01-01"]), [""; 0]);
    // The words stand in the transcript, whatever the title is.
    let heard = few().call(MANHOLE)["transcript"][0]["text"].as_str().unwrap();
    let words: String = heard.chars().filter(|ch| ch.is_alphanumeric()).take(4).collect();
    assert!(list(&["--search", &words]).contains(&id(MANHOLE)), "{words}");
    assert_eq!(list(&["--search", "外星人"]), [""; 0]);
}

#[test]
fn tables_align_whatever_the_script() {
    let desk = Desk::with_few();
    let table = desk.run(&["tickets"]).well().out;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.last().copied(), Some(format!("共 {} 件", few().tickets()).as_str()));
    // Every column begins in the same display column in every line: where the rule has its gaps.
    let starts: Vec<usize> = column_starts(lines[1]);
    assert_eq!(starts.len(), 9);
    for line in &lines[..lines.len() - 1] {
        let cells: Vec<(usize, char)> = wide(line);
        for start in &starts[1..] {
            let before = cells.iter().filter(|(at, _)| *at + 2 == *start || *at + 1 == *start);
            assert!(
                before.map(|(_, ch)| *ch).all(|ch| ch == ' '),
                "no gap before column {start} of {line:?}"
            );
        }
    }
}

/// Characters with the display column that they begin in.
fn wide(line: &str) -> Vec<(usize, char)> {
    let mut at = 0;
    let mut cells = Vec::new();
    for ch in line.chars() {
        cells.push((at, ch));
        let narrow = ch.is_ascii() || matches!(ch, '─' | '…' | '—' | '–');
        at += if narrow { 1 } else { 2 };
    }
    cells
}

fn column_starts(rule: &str) -> Vec<usize> {
    let cells = wide(rule);
    let begins = |at: usize| cells[at].1 == '─' && (at == 0 || cells[at - 1].1 == ' ');
    (0..cells.len()).filter(|at| begins(*at)).map(|at| cells[at].0).collect()
}

#[test]
fn a_ticket_shows_its_fields_with_the_words_they_came_from() {
    let desk = Desk::with_few();
    let id = few().id(MANHOLE);
    let ticket = few().ticket(MANHOLE);
    let page = desk.run(&["ticket", id]).well().out;
    for name in ["category", "department", "urgency", "title", "deadline"] {
        let value = ticket[name].as_str().unwrap();
        assert!(page.contains(value), "no {name} {value} in\n{page}");
    }
    let sha256 = few().call(MANHOLE)["sha256"].as_str().unwrap();
    assert!(page.contains(sha256) && page.contains("受理"), "{page}");
    let span = &ticket["evidence"]["place"][0];
    assert!(page.contains(&format!("{}–{}：", span["start_ms"], span["end_ms"])), "{page}");
    let as_read_out = id.replace('-', "");
    assert_eq!(desk.run(&["ticket", &as_read_out]).well().out, page);
    let json = desk.run(&["ticket", id, "--json"]).well().json().remove(0);
    assert_eq!(json["history"][0]["event"], "opened");
    for hash in ["model", "classifier", "city", "program"] {
        assert!(!json["made_by"][hash].as_str().unwrap().is_empty(), "no {hash}");
    }
}

#[test]
fn corrections_and_dispatch_are_events_with_who_and_why() {
    let desk = Desk::with_few();
    let id = few().id(WATER);
    desk.run(&[
        "correct",
        id,
        "--category",
        "经济管理",
        "--urgency",
        "紧急",
        "--place",
        "海淀区中关村街道",
        "--by",
        "小李",
        "--why",
        "回听录音",
    ])
    .well();
    desk.run(&[
        "correct",
        id,
        "--emergency",
        "true",
        "--phone",
        "13800138000",
        "--said",
        "1:我们这片停水了",
        "--by",
        "小王",
        "--why",
        "核实",
    ])
    .well();
    desk.run(&["dispatch", id, "--to", "环保局", "--by", "老张"]).well();
    let ticket = desk.run(&["ticket", id, "--json"]).well().json().remove(0);
    assert_eq!(ticket["category"], "经济管理");
    assert_eq!(ticket["urgency"], "紧急");
    assert_eq!(ticket["emergency"], true);
    assert_eq!(ticket["phone"], "13800138000");
    assert_eq!(ticket["status"], "已派遣");
    assert_eq!(ticket["department"], "区生态环境局", "an alias stands for the full name");
    assert!(texts(&ticket["place"]["names"]).contains(&"中关村街道"), "{}", ticket["place"]);
    let history = ticket["history"].as_array().unwrap();
    let events =
        |kind: &str| history.iter().filter(|record| record["event"] == kind).collect::<Vec<_>>();
    let corrected = events("corrected");
    let urgency = corrected.iter().find(|record| record["field"] == "urgency").unwrap();
    assert_eq!(
        (&urgency["from"], &urgency["to"], &urgency["by"], &urgency["why"]),
        (&"一般".into(), &"紧急".into(), &"小李".into(), &"回听录音".into())
    );
    let said = events("transcript_corrected").remove(0);
    assert_eq!(
        (&said["utterance"], &said["to"], &said["by"]),
        (&1.into(), &"我们这片停水了".into(), &"小王".into())
    );
    assert_eq!(events("dispatched").remove(0)["by"], "老张");
    let page = desk.run(&["ticket", id]).well().out;
    for word in ["小李", "回听录音", "一般 → 紧急", "派单 区生态环境局", "老张"]
    {
        assert!(page.contains(word), "no {word} in\n{page}");
    }
    let replayed = desk.run(&["replay", id]).well().out;
    assert!(replayed.contains("我们这片停水了"), "{replayed}");
    let again = desk.run(&["dispatch", id, "--by", "老张"]);
    assert_eq!(again.code, Some(1), "{again}");
    desk.assert_sound();
}

#[test]
fn a_call_is_replayed_in_every_form() {
    let desk = Desk::with_few();
    let id = few().id(WATER);
    let call = few().call(WATER);
    let said = call["transcript"].as_array().unwrap();
    let vtt = desk.run(&["replay", id, "--vtt"]).well().out;
    assert!(vtt.starts_with("WEBVTT\n\n"));
    assert_eq!(vtt.matches(" --> ").count(), said.len());
    let srt = desk.run(&["replay", id, "--srt"]).well().out;
    assert!(srt.starts_with("1\n00:00:"), "{srt}");
    assert_eq!(srt.matches(" --> ").count(), said.len());
    let table = desk.run(&["replay", id]).well().out;
    for said in said {
        let text = said["text"].as_str().unwrap();
        assert!(vtt.contains(text) && srt.contains(text) && table.contains(text), "{text}");
    }
    let first = said[0]["start_ms"].as_u64().unwrap();
    let clock = |mark: char| format!("00:00:{:02}{mark}{:03}", first / 1000, first % 1000);
    assert!(vtt.contains(&clock('.')) && srt.contains(&clock(',')), "{}", clock('.'));
    let json = desk.run(&["replay", id, "--json"]).well().json().remove(0);
    assert_eq!(json["transcript"], call["transcript"]);
    assert_eq!(json["sha256"], call["sha256"]);
}

#[test]
fn the_stored_transcript_gives_the_same_ticket_again() {
    let desk = Desk::with_few();
    for id in desk.ids() {
        let decided = desk.run(&["replay", &id, "--decide", "--json"]).well().json().remove(0);
        assert_eq!(decided["same"], true, "{decided}");
        assert_eq!(decided["changed_since"], serde_json::json!([]));
    }
}

#[test]
fn departments_are_added_edited_and_imported() {
    let desk = Desk::with_few();
    desk.run(&[
        "departments",
        "add",
        "市河长办",
        "--level",
        "市",
        "--alias",
        "河长",
        "--by",
        "老张",
    ])
    .well();
    desk.run(&["departments", "add", "市河长办", "--by", "老张"])
        .refused(1, &["there already", "edit"]);
    desk.run(&["departments", "edit", "河长", "--rename", "市河长制办公室", "--by", "老张"]).well();
    let csv = "name,level,aliases,duties,active\n市数据局,市,大数据局|数据中心,政务数据,true\n市河长制办公室,市,河长,河湖,false\n";
    let file = desk.file("departments.csv", csv);
    desk.run(&["departments", "import", &file, "--by", "老张"]).well();
    let all = desk.run(&["departments", "--json"]).well().json();
    let named = |name: &str| all.iter().find(|department| department["name"] == name);
    assert_eq!(texts(&named("市数据局").unwrap()["aliases"]), ["大数据局", "数据中心"]);
    assert_eq!(named("市河长制办公室").unwrap()["active"], false);
    assert!(named("市河长办").is_none(), "renamed");
    assert!(named("区水务局").is_some(), "the city's are there");
    let id = few().id(WATER);
    desk.run(&["dispatch", id, "--to", "大数据局", "--by", "老张"]).well();
    let closed = desk.run(&["dispatch", id, "--to", "河长", "--by", "老张"]);
    assert_eq!(closed.code, Some(1), "an inactive department takes no tickets: {closed}");
    let bad = desk.file("bad.csv", "name,active\n市数据局,也许\n");
    desk.run(&["departments", "import", &bad, "--by", "老张"])
        .refused(3, &["bad.csv", "line 2", "true or false"]);
    assert!(desk.run(&["departments"]).well().out.contains("市数据局"));
}

#[test]
fn a_backup_brings_everything_back_in_an_empty_folder() {
    let desk = Desk::with_few();
    let ids = desk.ids();
    desk.run(&[
        "correct",
        few().id(MANHOLE),
        "--title",
        "井盖丢失",
        "--by",
        "小李",
        "--why",
        "标题不准",
    ])
    .well();
    desk.run(&["departments", "add", "市河长办", "--by", "老张"]).well();
    let backup = desk.run(&["export", "--full"]).well().out;
    let other = Desk::fresh();
    let imported = other.feed(&["import", "-"], backup.as_bytes()).well();
    assert_eq!(imported.out.lines().collect::<Vec<_>>(), ids, "each number, once durable");
    other.assert_sound();
    for args in [
        &["tickets", "--json"][..],
        &["departments", "--json"],
        &["replay", &ids[0], "--json"],
        &["ticket", few().id(MANHOLE), "--json"],
    ] {
        assert_eq!(other.run(args).well().out, desk.run(args).well().out);
    }
    // The same again changes nothing; a call that was imported is known to `take`.
    other.feed(&["import", "-"], backup.as_bytes()).well();
    other.run(&["take", &fixture(FEW[0])]).well();
    assert_eq!(other.ids(), ids);
    // Numbers go on where they were.
    let next = other.run(&["take", "--json", &fixture("37-")]).well().json().remove(0);
    assert!(!ids.contains(&next["tickets"][0]["id"].as_str().unwrap().to_owned()));
}

#[test]
fn indexes_are_made_again_and_damage_is_found() {
    let desk = Desk::with_few();
    let before = desk.run(&["tickets", "--json"]).well().out;
    let made = desk.run(&["rebuild"]).well().out;
    assert!(made.contains(&format!("{} tickets", few().tickets())), "{made}");
    assert_eq!(desk.run(&["tickets", "--json"]).well().out, before);
    let sound = desk.run(&["check", "--json"]).well().json().remove(0);
    assert_eq!((&sound["calls"], &sound["tickets"]), (&FEW.len().into(), &few().tickets().into()));

    let file = |name: &str| {
        let sha256 = few().call(name)["sha256"].as_str().unwrap();
        let ending = if name == "38-" { "wav" } else { "flac" };
        desk.data.join("recordings").join(&sha256[..2]).join(format!("{sha256}.{ending}"))
    };
    let backup = desk.run(&["export", "--full"]).well().out;
    std::fs::remove_file(file("24-")).unwrap();
    let mut altered = std::fs::read(file("38-")).unwrap();
    altered[5000] ^= 1;
    std::fs::write(file("38-"), altered).unwrap();
    let checked = desk.run(&["check"]);
    assert_eq!(checked.code, Some(7), "{checked}");
    for what in ["cannot be read", "is not what it was", "remedy: ", "not sound"] {
        assert!(checked.out.contains(what), "no {what:?}: {checked}");
    }
    let exported = desk.run(&["export", "--full"]);
    assert_eq!(exported.code, Some(7), "an export that lacks files says so: {exported}");
    assert_eq!(
        exported.err.lines().filter(|line| line.contains("missing or altered")).count(),
        2,
        "{exported}"
    );
    assert_eq!(desk.run(&["tickets", "--json"]).well().out, before, "the tickets are still there");
    // The remedy that it names: what is missing comes back from a backup.
    std::fs::remove_file(file("38-")).unwrap();
    desk.feed(&["import", "-"], backup.as_bytes()).well();
    desk.assert_sound();
}

#[test]
fn corrected_utterances_are_exported_with_their_sound() {
    let desk = Desk::with_few();
    let id = few().id(MANHOLE);
    desk.run(&["correct", id, "--said", "0:马路中间有个井盖没了", "--by", "小李", "--why", "回听"])
        .well();
    desk.run(&["export", "--corrections", "corrections"]).well();
    let list = std::fs::read_to_string(desk.path("corrections/transcripts.tsv")).unwrap();
    let (name, words) = list.trim_end().split_once('\t').unwrap();
    assert_eq!(words, "马路中间有个井盖没了");
    let said = &few().call(MANHOLE)["transcript"][0];
    let length = said["end_ms"].as_u64().unwrap() - said["start_ms"].as_u64().unwrap();
    let mut reader = audio::Reader::open(&desk.path("corrections").join(name)).unwrap();
    let mut samples = 0;
    while let Some(block) = reader.read().unwrap() {
        samples += block.legs[0].len() as u64;
    }
    assert!(
        (samples * 1000 / u64::from(audio::SAMPLE_RATE)).abs_diff(length) <= 40,
        "{samples} samples of {length} ms"
    );
}

#[test]
fn texts_are_understood_and_blanked_without_sound() {
    let desk = Desk::fresh();
    let lines = "海淀区中关村街道有个井盖没了，电话一三八零零一三八零零零\n\n喂你好\n";
    let understood = desk
        .feed(&["interpret", "--at", "2026-03-02T09:14:05+08:00"], lines.as_bytes())
        .well()
        .json();
    assert_eq!(understood.len(), 3, "one object a line");
    let ticket = &understood[0]["tickets"][0];
    assert_eq!(ticket["phone"], "13800138000");
    assert!(texts(&ticket["place"]["names"]).contains(&"中关村街道"), "{ticket}");
    for absent in ["id", "status", "deadline"] {
        assert!(ticket.get(absent).is_none(), "{absent}");
    }
    assert_eq!(understood[0]["phones"][0]["value"], "13800138000");
    for list in ["phones", "ids", "plates", "times", "amounts", "names"] {
        assert!(understood[2][list].is_array(), "{list}");
    }
    let redacted =
        desk.feed(&["redact"], "我叫王建国，电话13800138000\n路灯坏了\n".as_bytes()).well().out;
    assert_eq!(redacted.lines().count(), 2);
    assert!(!redacted.contains("13800138000") && redacted.contains("路灯坏了"), "{redacted}");
}

#[test]
fn what_there_is_is_documented() {
    let desk = Desk::fresh();
    let help = desk.run(&["--help"]).well().out;
    let commands = "take tickets ticket correct dispatch replay departments models eval check export import rebuild check-config interpret redact train serve";
    for command in commands.split(' ') {
        assert!(help.contains(&format!("\n  {command} ")), "{command} in\n{help}");
    }
    for code in [
        "Exit codes:",
        "  3  some of the input",
        "  4  the store",
        "  5  a model",
        "  6  the configuration",
        "  7  a check",
    ] {
        assert!(help.contains(code), "{code} in\n{help}");
    }
    assert!(desk.run(&["check-config"]).well().out.contains("sound"));
    assert!(desk.run(&["models", "list"]).well().out.contains("base"));
}

#[test]
fn whoever_stops_reading_is_no_error() {
    let desk = Desk::with_few();
    for args in [&["tickets", "--json"][..], &["departments"], &["export", "--full"], &["export"]] {
        let mut command = desk.command(args);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{args:?}: {} {told}", output.status);
        assert_eq!(told, "", "{args:?}");
    }
}
