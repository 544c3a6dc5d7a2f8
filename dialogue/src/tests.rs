//! What the dialogue says, asks and decides, on the example city and on meanings made by hand.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use nlu::{Emergency, Found, Heard, Interpretation, Leg, Place, RequestType, Said, Span, Urgency};
use tempfile::TempDir;

use crate::*;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../city")
}

fn city() -> City {
    City::load(&example()).unwrap()
}

fn found<T>(value: T) -> Found<T> {
    Found { value, confidence: 0.9, evidence: Vec::new(), runner_up: None }
}

fn heard(texts: &[&str]) -> Heard {
    let said = texts.iter().map(|text| Said::from_text(Leg::Caller, text)).collect();
    Heard { said, started_at: "2026-03-02T09:14:05+08:00".parse().unwrap(), line_number: None }
}

/// A confident complaint of a category, about the first utterance; everything else is missing.
fn matter(heard: &Heard, request_type: RequestType, category: &str) -> Interpretation {
    let end = heard.said.first().map_or(0, |said| said.chars.len());
    Interpretation {
        request_type: found(request_type),
        category: found(category.to_owned()),
        category_2: None,
        office: None,
        departments: Vec::new(),
        urgency: found(Urgency::Normal),
        emergency: None,
        phone: None,
        place: None,
        when: None,
        name: None,
        subject: None,
        title: "标题".to_owned(),
        readings: Vec::new(),
        matter: vec![Span { utterance: 0, start: 0, end }],
    }
}

fn district() -> Found<Place> {
    let codes = ["11", "1101", "110108"].map(str::to_owned).to_vec();
    found(Place { text: "海淀区".to_owned(), codes, ..Place::default() })
}

fn says(turn: &Turn) -> Vec<&str> {
    let said = |action: &'_ Action| matches!(action, Action::Say(_));
    turn.actions
        .iter()
        .filter(|action| said(action))
        .map(|action| match action {
            Action::Say(text) => text.as_str(),
            _ => unreachable!("filtered"),
        })
        .collect()
}

fn transfers(turn: &Turn) -> bool {
    turn.actions.contains(&Action::Transfer)
}

const NOW: Duration = Duration::ZERO;

#[test]
fn what_is_missing_is_asked_for_in_order_and_not_for_ever() {
    let city = city();
    let heard = heard(&["路灯坏了"]);
    let mut dialogue = Dialogue::new(&city);
    assert_eq!(says(&dialogue.step(NOW, Input::Answered)), [city.prompts.greeting.as_str()]);
    let mut understood = vec![matter(&heard, RequestType::Complaint, "城乡建设")];
    let mut asked = |understood: &[Interpretation]| {
        let turn = dialogue.step(NOW, Input::Said { said: &heard.said[0], understood });
        says(&turn).first().map(|text| (*text).to_owned())
    };
    let [place, phone] = [Slot::Place, Slot::Phone].map(|slot| &city.prompts.ask[&slot]);
    assert_eq!(asked(&understood).as_ref(), Some(&place[0]));
    assert_eq!(asked(&understood).as_ref(), Some(&place[1]), "never twice in the same words");
    assert_eq!(asked(&understood).as_ref(), Some(&phone[0]), "it goes on without it");
    understood[0].phone = Some(found("13800138000".to_owned()));
    assert_eq!(asked(&understood), None, "what was given is not asked for");
}

#[test]
fn silence_is_answered_and_in_the_end_a_person_is_called() {
    let city = city();
    let mut dialogue = Dialogue::new(&city);
    let turns: Vec<Turn> =
        (0..city.patience.silences).map(|_| dialogue.step(NOW, Input::NoInput)).collect();
    let prompts: Vec<&str> = turns.iter().flat_map(says).collect();
    assert_eq!(prompts, city.prompts.no_input.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(turns.iter().map(transfers).collect::<Vec<_>>(), [false, false, true]);
    assert!(!transfers(&dialogue.step(NOW, Input::NoInput)), "a call is put through once");
}

#[test]
fn what_makes_no_sense_is_asked_again_and_in_the_end_a_person_is_called() {
    let city = city();
    let heard = heard(&["嗯嗯啊啊"]);
    let mut dialogue = Dialogue::new(&city);
    let mut step = || dialogue.step(NOW, Input::Said { said: &heard.said[0], understood: &[] });
    for prompt in &city.prompts.no_match {
        assert_eq!(says(&step()), [prompt.as_str()]);
    }
    let last = step();
    assert!(transfers(&last) && says(&last) == [city.prompts.transfer.as_str()]);
}

#[test]
fn a_person_is_called_when_asked_for_by_word_or_key() {
    let city = city();
    let heard = heard(&["别跟我啰嗦，给我转人工"]);
    let mut dialogue = Dialogue::new(&city);
    assert!(transfers(&dialogue.step(NOW, Input::Said { said: &heard.said[0], understood: &[] })));
    let mut dialogue = Dialogue::new(&city);
    assert_eq!(dialogue.step(NOW, Input::Dtmf('7')), Turn::default());
    assert!(transfers(&dialogue.step(NOW, Input::Dtmf('0'))));
}

#[test]
fn an_emergency_is_warned_of_once_and_put_through() {
    let city = city();
    let heard = heard(&["我家着火了"]);
    let mut fire = matter(&heard, RequestType::Help, "政法");
    fire.emergency = Some(found(Emergency::Fire));
    let understood = [fire];
    let mut dialogue = Dialogue::new(&city);
    let turn = dialogue.step(NOW, Input::Said { said: &heard.said[0], understood: &understood });
    assert_eq!(says(&turn), [city.prompts.emergency["fire"].as_str()]);
    assert!(transfers(&turn));
    let again = dialogue.step(NOW, Input::Said { said: &heard.said[0], understood: &understood });
    assert!(!transfers(&again) && !says(&again).contains(&city.prompts.emergency["fire"].as_str()));
    for kind in [
        Emergency::Fire,
        Emergency::Crime,
        Emergency::Medical,
        Emergency::Traffic,
        Emergency::Gas,
        Emergency::Danger,
    ] {
        assert!(
            city.prompts.emergency.contains_key(emergency_name(kind)),
            "no notice for {kind:?}"
        );
    }
}

#[test]
fn the_agents_words_move_nothing() {
    let city = city();
    let said = Said::from_text(Leg::Agent, "给您转人工可以吗");
    let mut dialogue = Dialogue::new(&city);
    assert_eq!(dialogue.step(NOW, Input::Said { said: &said, understood: &[] }), Turn::default());
}

#[test]
fn who_warns_of_a_wrong_number_did_not_call_one() {
    let city = city();
    let asks = |texts: &[&str]| {
        let heard = heard(texts);
        let understood = [matter(&heard, RequestType::Complaint, "城乡建设")];
        let mut dialogue = Dialogue::new(&city);
        let step = |said| dialogue.step(NOW, Input::Said { said, understood: &understood });
        heard.said.iter().map(step).last().is_some_and(|turn| !says(&turn).is_empty())
    };
    assert!(!asks(&["打错了"]));
    assert!(!asks(&["打错了打错了，怕又打错，我先挂了"]));
    assert!(asks(&["路灯坏了，打我这个号，别又打错了"]));
    assert!(asks(&["你们上次打错了", "我的号是幺三八零零幺三八零零零，别又打错了"]));
}

#[test]
fn a_caller_who_speaks_over_a_prompt_is_heard() {
    let city = city();
    let mut dialogue = Dialogue::new(&city);
    assert_eq!(dialogue.step(NOW, Input::BargeIn).actions, [Action::StopSpeaking]);
}

#[test]
fn after_the_call_there_is_nothing_to_do() {
    let city = city();
    let heard = heard(&["喂，路灯坏了"]);
    let mut dialogue = Dialogue::new(&city);
    let turn = dialogue.step(NOW, Input::HungUp { heard: &heard, understood: Vec::new() });
    assert!(
        matches!(&turn.actions[..], [Action::Finish(conclusion)] if conclusion.outcome == Outcome::None)
    );
    assert_eq!(dialogue.step(NOW, Input::NoInput), Turn::default());
    assert_eq!(
        dialogue.step(NOW, Input::HungUp { heard: &heard, understood: Vec::new() }),
        Turn::default()
    );
}

#[test]
fn a_recorded_call_has_one_of_four_outcomes() {
    let city = city();
    let end = |texts: &[&str], matters: usize| {
        let heard = heard(texts);
        let understood = vec![matter(&heard, RequestType::Complaint, "城乡建设"); matters];
        let conclusion = recorded(&city, &heard, understood.clone());
        assert_eq!(conclusion, recorded(&city, &heard, understood), "the same again");
        (conclusion.outcome.name(), conclusion.drafts.len())
    };
    assert_eq!(end(&["路灯坏了"], 1), ("tickets", 1));
    assert_eq!(end(&["路灯坏了还有一个事"], 2), ("tickets", 2));
    assert_eq!(end(&["转人工"], 0), ("transfer", 0));
    assert_eq!(end(&["喂"], 0), ("none", 0));
    assert_eq!(end(&[], 0), ("unusable", 0));
    assert_eq!(end(&["……"], 0), ("unusable", 0));
    assert_eq!(end(&["诶", "试试"], 0), ("unusable", 0));
    assert_eq!(end(&["打错了"], 0), ("none", 0));
}

#[test]
fn the_words_that_weigh_most_name_the_department() {
    let city = city();
    let check = |text: &str, category: &str, department: &str| {
        let heard = heard(&[text]);
        let draft = Draft::of(&city, &heard, matter(&heard, RequestType::Complaint, category));
        assert_eq!(draft.department.name, department, "{text}");
        assert!(!draft.department.because.is_empty());
        assert_ne!(draft.department.runner_up.as_deref(), Some(department), "{text}");
        draft.department
    };
    let by_word = check("楼下烧烤摊占道经营", "环境保护", "区城市管理综合行政执法局");
    let words: String =
        "楼下烧烤摊占道经营".chars().skip(by_word.evidence[0].start).take(2).collect();
    assert_eq!(words, "占道", "the words that decided are shown");
    check("家里的暖气不热", "城乡建设", "市热力集团");
    check("热水器坏了水不热商家不管", "商贸旅游", "区市场监督管理局");
    let by_category = check("他们收了好处", "纪检监察", "区纪委监委");
    assert!(by_category.evidence.is_empty() && (by_category.confidence - 0.9).abs() < 1e-6);
}

#[test]
fn deadlines_follow_type_urgency_and_the_calendar() {
    let city = city();
    let due = |request_type, urgency| {
        let heard = heard(&["路灯坏了"]);
        let mut matter = matter(&heard, request_type, "城乡建设");
        matter.urgency = found(urgency);
        Draft::of(&city, &heard, matter).deadline
    };
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(due(RequestType::Complaint, Urgency::Critical), at("2026-03-02T11:14:05+08:00"));
    assert_eq!(due(RequestType::Complaint, Urgency::Urgent), at("2026-03-03T09:14:05+08:00"));
    assert_eq!(due(RequestType::Consultation, Urgency::Normal), at("2026-03-05T18:00:00+08:00"));
    assert_eq!(due(RequestType::Complaint, Urgency::Normal), at("2026-03-19T18:00:00+08:00"));
    assert_eq!(due(RequestType::Praise, Urgency::Normal), at("2026-03-23T18:00:00+08:00"));
}

#[test]
fn what_is_missing_and_how_sure_we_are_decide_the_status() {
    let city = city();
    let heard = heard(&["家里的暖气不热"]);
    let check = |change: &dyn Fn(&mut Interpretation), standing: Standing, missing: &[Slot]| {
        let mut matter = matter(&heard, RequestType::Complaint, "城乡建设");
        change(&mut matter);
        let draft = Draft::of(&city, &heard, matter);
        assert_eq!((draft.standing, draft.missing.as_slice()), (standing, missing));
    };
    let phone = || Some(found("13800138000".to_owned()));
    check(&|_| {}, Standing::Incomplete, &[Slot::Place, Slot::Phone]);
    check(&|m| m.place = Some(district()), Standing::Incomplete, &[Slot::Phone]);
    check(&|m| (m.place, m.phone) = (Some(district()), phone()), Standing::Dispatched, &[]);
    let unsure = |m: &mut Interpretation| {
        (m.place, m.phone) = (Some(district()), phone());
        m.category.confidence = city.ready.category - 0.01;
    };
    check(&unsure, Standing::Review, &[]);
    let whole_city = |m: &mut Interpretation| {
        m.place = Some(found(Place {
            codes: vec!["11".to_owned(), "1101".to_owned()],
            ..Place::default()
        }));
        m.phone = phone();
    };
    check(&whole_city, Standing::Incomplete, &[Slot::Place]);
    let emergency = |m: &mut Interpretation| {
        m.emergency = Some(found(Emergency::Gas));
        m.category.confidence = 0.1;
    };
    check(&emergency, Standing::Dispatched, &[Slot::Place, Slot::Phone]);
    // A question needs no place.
    let question = |m: &mut Interpretation| m.request_type = found(RequestType::Consultation);
    check(&question, Standing::Incomplete, &[Slot::Phone]);
}

#[test]
fn working_days_know_holidays_and_the_days_worked_for_them() {
    let calendar = city().calendar;
    for (day, working) in [
        ("2026-03-02", true),
        ("2026-03-07", false),
        ("2026-02-16", false),
        ("2026-02-14", true),
        ("2026-10-01", false),
        ("2026-10-10", true),
        // A year without a notice knows only weekends.
        ("2031-10-01", true),
        ("2031-10-04", false),
    ] {
        assert_eq!(calendar.is_working(day.parse::<Date>().unwrap()), working, "{day}");
    }
    for (from, days, due) in [
        // Over a spring festival: Friday the 13th, Saturday the 14th is worked, then nine days off.
        ("2026-02-13T10:00:00+08:00", 1, "2026-02-14T18:00:00+08:00"),
        ("2026-02-13T10:00:00+08:00", 2, "2026-02-24T18:00:00+08:00"),
        ("2026-09-30T23:59:59+08:00", 3, "2026-10-10T18:00:00+08:00"),
        // The day is China's, not Greenwich's.
        ("2026-03-02T17:00:00Z", 1, "2026-03-04T18:00:00+08:00"),
        ("2026-03-06T09:00:00+08:00", 0, "2026-03-06T18:00:00+08:00"),
    ] {
        let from: Timestamp = from.parse().unwrap();
        assert_eq!(calendar.after(from, days), due.parse().unwrap(), "{days} days after {from}");
    }
}

/// Copies the example city, changes one file, and gives what is wrong then.
fn problems(file: &str, from: &str, to: &str) -> Vec<Problem> {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("calendar")).unwrap();
    for folder in ["", "calendar"] {
        for entry in std::fs::read_dir(example().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, dir.path().join(folder).join(path.file_name().unwrap()))
                    .unwrap();
            }
        }
    }
    let path = dir.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from:?}");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    City::load(dir.path()).err().unwrap_or_default()
}

#[test]
fn who_answered_such_questions_is_asked_unless_the_table_knows_better() {
    let city = city();
    let asks = |text: &str, office: &str, confidence: f32| {
        let heard = heard(&[text]);
        let mut matter = matter(&heard, RequestType::Consultation, "政法");
        matter.category.confidence = 0.3;
        matter.office = Some(Found { confidence, ..found(office.to_owned()) });
        crate::route::route(&city, &heard, &matter)
    };
    let routed = asks("我想问一下那个怎么办", "医保局", 0.55);
    assert_eq!(routed.name, "区医疗保障局");
    assert!(routed.because.contains("同类咨询"));
    assert!(routed.runner_up.is_some(), "the table's choice stays beside it");
    // A word of the table goes before what another city's offices answered.
    let routed = asks("公积金怎么提取", "医保局", 0.9);
    assert_eq!(routed.name, "市住房公积金管理中心");
    assert_eq!(routed.runner_up.as_deref(), Some("区医疗保障局"));
    // An office that no department stands for says nothing.
    let routed = asks("公积金怎么提取", "天文台", 0.9);
    assert_ne!(routed.runner_up.as_deref(), Some("天文台"));
}

#[test]
fn what_is_known_of_such_matters_weighs_beside_the_table() {
    let city = city();
    let told = |text: &str, known: &[(&str, f32)]| {
        let heard = heard(&[text]);
        let mut matter = matter(&heard, RequestType::Complaint, "城乡建设");
        matter.departments = known.iter().map(|(name, p)| ((*name).to_owned(), *p)).collect();
        (crate::route::route(&city, &heard, &matter), matter.matter)
    };
    // No word of the table: what is known goes before the category, and says so.
    let (routed, matter) = told("那个表插了卡不出火，屏上一个小锁头", &[("市燃气集团", 0.8)]);
    assert_eq!(routed.name, "市燃气集团");
    assert!(routed.because.contains("同类诉求"), "{}", routed.because);
    assert_eq!((routed.confidence, routed.evidence), (0.8, matter));
    assert_eq!(routed.runner_up.as_deref(), Some("区住房和城乡建设委员会"));
    // A word said by the way does not outweigh it; the word is the second choice.
    let (routed, _) = told("学校的事先不说，楼上老往下扔东西", &[("街道办事处", 0.9)]);
    assert_eq!(routed.name, "街道办事处");
    assert_eq!(routed.runner_up.as_deref(), Some("区教育委员会"));
    // What is hardly likely outweighs nothing that was said.
    let (routed, _) = told("暖气不热，屋里十三度", &[("区民政局", 0.2)]);
    assert_eq!(routed.name, "市热力集团");
    assert_eq!(routed.runner_up.as_deref(), Some("区住房和城乡建设委员会"));
    // Nor does anything outweigh a rule that decides at once.
    let (routed, _) = told("他收红包，贪污公款", &[("区税务局", 1.0)]);
    assert_eq!(routed.name, "区纪委监委");
    // A department that this city does not have says nothing.
    let (routed, _) = told("暖气不热", &[("天文台", 1.0)]);
    assert_eq!(routed.name, "市热力集团");
}

#[test]
fn who_is_hurt_where_he_must_be_got_out_first_is_the_fire_brigades() {
    let city = city();
    let to = |text: &str| {
        let heard = heard(&[text]);
        let mut matter = matter(&heard, RequestType::Help, "卫生计生");
        matter.emergency = Some(found(Emergency::Medical));
        crate::route::route(&city, &heard, &matter).name
    };
    assert_eq!(to("老人掉井里了，腿摔断了流血不止"), "区消防救援支队");
    assert_eq!(to("老人在家里摔倒了，没有反应"), "区卫生健康委员会");
}

#[test]
fn every_mistake_in_the_citys_files_has_its_line_and_its_remedy() {
    assert_eq!(problems("city.toml", "北京市", "南京市"), [], "a city may have another name");
    for (file, from, to, line, what, remedy) in [
        ("city.toml", "\"18:00\"", "\"six\"", 7, "not times of day", "write them like"),
        ("city.toml", "asks = 2", "asks = 2\nmore = 1", 27, "unknown field", "correct this line"),
        (
            "departments.toml",
            "name = \"区生态环境局\"",
            "name = \"区城市管理委员会\"",
            19,
            "is there twice",
            "remove one",
        ),
        (
            "dispatch.toml",
            "categories = [\"纪检监察\"]",
            "categories = [\"纪检\"]",
            71,
            "unknown category 纪检",
            "did you mean 纪检监察?",
        ),
        (
            "deadlines.toml",
            "hours = 2\n",
            "hours = 2\nworking_days = 1\n",
            7,
            "hours or working_days",
            "exactly one",
        ),
        (
            "prompts.toml",
            "{deadline}",
            "{date}",
            0,
            "{date} stands for nothing",
            "use number, department, deadline",
        ),
        ("prompts.toml", "phone = [", "fone = [", 13, "unknown variant", "correct this line"),
        ("calendar/2026.toml", "\"2026-10-10\"", "\"2027-10-10\"", 14, "is not in 2026", "move it"),
    ] {
        let found = problems(file, from, to);
        let Some(problem) = found.first() else { panic!("{file}: {to:?} is no mistake") };
        assert_eq!((problem.file.as_str(), problem.line), (file, line), "{problem}");
        assert!(problem.what.contains(what) && problem.remedy.contains(remedy), "{problem}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let found = problems(
        "dispatch.toml",
        "department = \"区消防救援支队\"\nbecause = \"火情由消防处置\"",
        "department = \"消防\"\ncategories = [\"火\"]\nbecause = \"火情\"",
    );
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|problem| problem.file == "dispatch.toml"));
}

#[test]
fn an_edited_dispatch_table_decides_and_nonsense_is_refused() {
    let city = city();
    let rules = |text: &str| text.parse::<toml::Table>().unwrap()["rule"].clone();
    let one = rules(
        "[[rule]]\ntypes = []\ncategories = []\nemergency = []\nfirst = false\nwords = [\"河长\"]\nunless = []\ndepartment = \"区河湖局\"\nbecause = \"河长制\"\n",
    );
    let names = vec![("区河湖局".to_owned(), vec!["区水务局".to_owned()])];
    let edited = city.with_dispatch(one, names).unwrap();
    assert_eq!((edited.dispatch.len(), city.dispatch.len() > 20), (1, true));
    let heard = heard(&["我找河长反映一下"]);
    let matter = matter(&heard, RequestType::Complaint, "环境保护");
    assert_eq!(crate::route::route(&edited, &heard, &matter).name, "区河湖局");
    let wrong = rules("[[rule]]\nemergency = [\"flood\"]\ndepartment = \"甲\"\nbecause = \"乙\"\n");
    assert!(city.with_dispatch(wrong, Vec::new()).unwrap_err().contains("flood"));
}

#[test]
fn the_checklist_and_the_life_of_tickets_are_checked() {
    let found = problems("checklist.toml", "points = ", "points = 1");
    assert!(found[0].what.contains("points sum to"), "{found:?}");
    let found = problems("life.toml", "redos = 3", "redos = \"three\"");
    assert_eq!((found[0].file.as_str(), found[0].line), ("life.toml", 3), "{found:?}");
    let knowledge = city().knowledge;
    assert!(knowledge.len() >= 30, "{} answers", knowledge.len());
    for entry in &knowledge {
        let length = entry.answer.chars().count();
        assert!((60..=400).contains(&length), "{}: {length} characters", entry.id);
        assert!(!entry.source.is_empty() && entry.date.len() == 10, "{}", entry.id);
        assert!(!entry.words.is_empty() && !entry.title.is_empty(), "{}", entry.id);
    }
}
