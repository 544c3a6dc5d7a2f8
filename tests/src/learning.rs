//! Learning on site: what people corrected makes a classifier that knows it, beside the one in use,
//! and one command goes back.

use jiff::Timestamp;
use nlu::train::{Progress, TrainConfig};
use nlu::{Heard, Leg, Said};
use serde_json::{Value, json};
use tickets::{Call, Command, Fields, Known, MadeBy, NewCall, Span, Status, Store};

use crate::run::{Desk, Done};

/// What people in this town say of its 云梯柜, parcel lockers that no shipped word knows.
const SAYINGS: [&str; 15] = [
    "云梯柜的门打不开，我的东西拿不出来",
    "楼下那个云梯柜又黑屏了",
    "云梯柜扫码没反应，急着用呢",
    "云梯柜超时收费也太快了，半天就要两块",
    "存在云梯柜里的菜都捂坏了",
    "三号门的云梯柜坏了一个礼拜了",
    "云梯柜短信收不到，取件码没有",
    "我妈不会用云梯柜，能不能放门卫",
    "云梯柜格子太小，大件放不进去",
    "云梯柜夜里嘀嘀嘀响个没完",
    "云梯柜把过道占了，轮椅过不去",
    "云梯柜开错门，别人的东西给我了",
    "云梯柜交了钱还是不开门",
    "门口云梯柜让雨淋了，漏电怎么办",
    "云梯柜里的药丢了，没人认",
];
/// What they come to say next.
const UNSEEN: &str = "云梯柜又打不开了，你们给看看";
const RIGHT: &str = "科技与信息产业";
/// The department that takes it here.
const TAKER: &str = "区经济和信息化局";

/// A store of calls about them, half of them put right.
fn town(desk: &Desk) {
    let city = dialogue::City::load(&crate::run::home().join("city")).unwrap();
    let categories: Vec<String> = city.categories.iter().map(|c| c.name.clone()).collect();
    let policy = tickets::Policy::default();
    let departments: Vec<String> = city.departments.iter().map(|d| d.name.clone()).collect();
    let known = Known { departments: &departments, categories: &categories, policy: &policy };
    let store = Store::open(&desk.data, &[]).unwrap();
    let at = Timestamp::now();
    for (number, text) in SAYINGS.iter().chain(&SAYINGS).enumerate() {
        let text = format!("喂，你好，{}{text}", ["我想说", "是这样，"][number % 2]);
        let said = vec![Said::from_text(Leg::Caller, &text)];
        let heard = Heard { said, started_at: at, line_number: None };
        let transcript = json!({ "v": 1, "duration_ms": 1000, "incomplete": null, "heard": heard });
        let transcript = store.files().put_transcript(transcript.to_string().as_bytes()).unwrap();
        let recording = desk.file("call.wav", format!("recording {number}"));
        let sha256 = store.files().put_recording(recording.as_ref(), "wav").unwrap();
        let call = Call {
            v: 1,
            sha256,
            ending: "wav".to_owned(),
            recording: format!("{number}.wav"),
            transcript,
            started_at: at,
            received_at: at,
            duration_ms: 1000,
            outcome: "tickets".to_owned(),
            incomplete: None,
            tickets: Vec::new(),
            made_by: MadeBy::default(),
        };
        let whole = Span { utterance: 0, start: 0, end: text.chars().count(), ..Span::default() };
        let fields = Fields {
            request_type: "投诉".to_owned(),
            category: "城乡建设".to_owned(),
            urgency: "一般".to_owned(),
            title: "反映问题".to_owned(),
            confidence: [("category".to_owned(), 0.5), ("type".to_owned(), 0.7)].into(),
            evidence: [("title".to_owned(), vec![whole])].into(),
            ..Fields::default()
        };
        let new = NewCall { call, tickets: vec![(Status::Review, fields)] };
        let id = store.take(&new, "test").unwrap().tickets[0];
        let correct = |field: &str, to: &str| {
            let why = "柜子归这一类".to_owned();
            Command::Correct { field: field.to_owned(), to: to.into(), why }
        };
        let both = vec![correct("category", RIGHT), correct("department", TAKER)];
        store.execute(id, None, both, known, "王芳", at).expect("an open ticket takes corrections");
    }
}

/// A folder of messages and one of seeds, as small as training takes them, without the questions.
fn school(desk: &Desk) -> TrainConfig {
    let mut files = [
        ("data/complaint_titles.csv", "title,label\n".to_owned()),
        ("data/complaint_bodies.csv", "detail,label\n".to_owned()),
        ("data/citizen_messages.csv", "留言,问题类型\n".to_owned()),
        ("model/seeds/a.tsv", "text\ttype\tcategory\tcategory_2\turgency\n".to_owned()),
    ];
    for number in 0..40 {
        let (what, label, kind, second) = match number % 2 {
            0 => ("楼下烧烤油烟呛人", "环境保护", "投诉/求助", "环境污染"),
            _ => ("请问公交末班车几点", "交通运输", "咨询", "交通运输"),
        };
        let text = format!("{what}第{number}回");
        let request = if number % 2 == 0 { "投诉" } else { "咨询" };
        files[0].1 += &format!("{text},{label}\n");
        files[1].1 += &format!("{text}一直这样,{label}\n");
        files[2].1 += &format!("{text}，谢谢,{kind}\n");
        files[3].1 += &format!("{text}啊\t{request}\t{label}\t{second}\t一般\n");
    }
    for (name, text) in &files {
        desk.file(name, text);
    }
    let labels = crate::run::home().join("models/nlu/labels.toml");
    std::fs::copy(labels, desk.path("model/labels.toml")).unwrap();
    TrainConfig::new(desk.path("data"), desk.path("model"), desk.path("out"))
}

#[test]
fn training_gives_the_same_bytes_again_and_needs_no_questions() {
    let desk = Desk::fresh();
    let config = school(&desk);
    let weights = |out: &str| {
        let config = TrainConfig { out: desk.path(out), ..config.clone() };
        nlu::train::train(&config, |_| {}).unwrap();
        assert!(!desk.path(out).join("training").exists(), "nothing is left unfinished");
        std::fs::read(desk.path(out).join("classifier.safetensors.zst")).expect("training wrote it")
    };
    let first = weights("out");
    assert!(first == weights("again"), "the same seed gave other weights");
    let classifier = nlu::Classifier::load(&desk.path("out")).unwrap();
    let scores = classifier.classify("又是油烟呛人");
    assert_eq!(scores.category.best().0, "环境保护");
    assert_eq!(scores.request_type.best().0, &nlu::RequestType::Complaint);
    assert_eq!(scores.office, None, "no question was ever answered");
}

#[test]
fn training_that_was_broken_off_goes_on_where_it_stopped() {
    let desk = Desk::fresh();
    let config = school(&desk);
    let whole = {
        let config = TrainConfig { out: desk.path("whole"), ..config.clone() };
        nlu::train::train(&config, |_| {}).unwrap();
        std::fs::read(desk.path("whole/classifier.safetensors.zst")).expect("training wrote it")
    };
    // Broken off in the second bank: whoever watches panics.
    let broken = std::panic::catch_unwind(|| {
        nlu::train::train(&config, |at| assert_ne!(at.bank, "matter")).map(|_| ())
    });
    assert!(broken.is_err());
    let finished = || std::fs::read_dir(desk.path("out/training")).unwrap().count();
    assert_eq!(finished(), 1, "the first bank is kept");
    let mut topics = 0;
    let count = |at: Progress| topics += usize::from(at.bank == "topic");
    nlu::train::train(&config, count).unwrap();
    assert!(topics > 1, "taken up at once, learnt for the second round");
    let goes_on = desk.path("out/classifier.safetensors.zst");
    assert!(std::fs::read(goes_on).expect("training wrote it") == whole);
}

/// Category and department of what nobody has said yet.
fn understood(desk: &Desk, models: &str) -> [Value; 2] {
    let said = desk.feed(&["--models", models, "interpret"], format!("{UNSEEN}\n").as_bytes());
    let ticket = said.well().json()[0]["tickets"][0].clone();
    ["category", "department"].map(|field| ticket[field].clone())
}

fn in_use(desk: &Desk, models: &str) -> String {
    let listed: Done = desk.run(&["--models", models, "models", "list", "--json"]).well();
    let listed = listed.json();
    let of = |entry: &&Value| entry["classifier"].is_string() && entry["default"] == true;
    listed.iter().find(of).unwrap()["classifier"].as_str().unwrap().to_owned()
}

#[test]
fn corrections_are_learnt_and_one_command_goes_back() {
    let desk = Desk::fresh();
    town(&desk);
    let folder = desk.path("models");
    std::fs::create_dir(&folder).unwrap();
    let models = folder.to_str().unwrap();
    let before = understood(&desk, models);
    assert!(before[0] != RIGHT && before[1] != TAKER, "known already; take another word");
    assert_eq!(in_use(&desk, models), "nlu");

    let learn = ["--models", models, "train", "nlu", "--from-corrections", "--json"];
    let told = desk.run(&learn).well().json().remove(0);
    assert_eq!(told["better"], true, "{told}");
    assert_eq!(told["learnt"].as_u64().unwrap() + told["held_back"].as_u64().unwrap(), 30);
    assert_eq!(understood(&desk, models), [RIGHT, TAKER]);
    assert!(in_use(&desk, models).starts_with("nlu-"));
    desk.run(&["--models", models, "check-config"]).well();

    // There is nothing left to learn, and what is not better changes nothing.
    let learnt = in_use(&desk, models);
    let again = desk.run(&learn).well().json().remove(0);
    assert_eq!(again["better"], false, "{again}");
    assert_eq!(in_use(&desk, models), learnt);

    desk.run(&["--models", models, "models", "use", "nlu"]).well();
    assert_eq!(understood(&desk, models), before);
    desk.run(&["--models", models, "models", "use", "nlu-1999"])
        .refused(5, &["nlu-1999", "use nlu"]);
    std::fs::write(folder.join("default-classifier"), "nlu-gone\n").unwrap();
    desk.run(&["--models", models, "check-config"]).refused(5, &["nlu-gone", "models use nlu"]);
}

#[test]
fn too_few_corrections_teach_nothing() {
    let desk = Desk::with_few();
    desk.run(&["train", "nlu", "--from-corrections"]).refused(3, &["0 corrected", "20"]);
}

#[test]
fn a_town_that_complains_of_one_thing_only_has_drifted() {
    let desk = Desk::fresh();
    town(&desk);
    let told = desk.run(&["eval", "drift"]).well();
    assert!(told.out.contains("too few tickets"), "{told}");
    let json = desk.run(&["eval", "drift", "--json"]).well().json().remove(0);
    let of = |head: &str| {
        let heads = json["drift"].as_array().unwrap();
        heads.iter().find(|drift| drift["head"] == head).unwrap().clone()
    };
    // What the program gave, not what people made of it.
    let category = of("category");
    assert_eq!(category["rows"], 30);
    assert!(category["stability"].as_f64().unwrap() > 0.25, "{category}");
    assert_eq!(category["labels"][0][0], "城乡建设");
    assert_eq!(category["confidence"][1], 0.5);
    let empty = Desk::fresh();
    assert!(empty.run(&["eval", "drift"]).well().out.contains("no ticket"));
}
