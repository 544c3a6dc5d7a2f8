//! What the shipped classifier and the example city's rules make of texts that neither was made
//! from: `models/nlu/development`. Floors, so that a change that makes them worse is seen.

use dialogue::City;
use nlu::{Heard, Interpret, Interpretation, Leg, Said, Understanding};

use crate::run::home;

fn understanding() -> Understanding {
    let city = home().join("city");
    let loaded = City::load(&city).expect("the example city is in order");
    Understanding::load(&home().join("models/nlu"), &city, &loaded.code).unwrap()
}

fn rows(name: &str) -> Vec<Vec<String>> {
    let path = home().join("models/nlu/development").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn interpret(understanding: &Understanding, text: &str) -> Vec<Interpretation> {
    interpret_all(understanding, &[text])
}

/// What several turns of a caller mean.
fn interpret_all(understanding: &Understanding, turns: &[&str]) -> Vec<Interpretation> {
    let said = turns.iter().map(|text| Said::from_text(Leg::Caller, text)).collect();
    let heard = Heard { said, started_at: jiff::Timestamp::UNIX_EPOCH, line_number: None };
    understanding.interpret(&heard)
}

#[test]
fn nothing_that_is_measured_on_is_learnt_from() {
    let bare = |text: &str| text.chars().filter(|ch| ch.is_alphanumeric()).collect::<String>();
    let texts = |folder: &str| -> Vec<String> {
        let files = std::fs::read_dir(home().join("models/nlu").join(folder)).unwrap();
        let paths = files.map(|file| file.unwrap().path()).filter(|path| path.is_file());
        let files: Vec<String> = paths.map(|path| std::fs::read_to_string(path).unwrap()).collect();
        let lines = files.iter().flat_map(|file| file.lines().skip(1));
        lines.map(|line| bare(line.split('\t').next().unwrap())).collect()
    };
    let seeds: std::collections::HashSet<String> = texts("seeds").into_iter().collect();
    let both: Vec<String> =
        texts("development").into_iter().filter(|t| seeds.contains(t)).collect();
    assert_eq!(both, [] as [String; 0]);
}

/// Any of the labels that a field lists is right.
fn is_one_of(label: &str, field: &str) -> bool {
    field.split('|').any(|right| right == label)
}

#[test]
fn matters_that_nobody_trained_on_reach_the_floors() {
    matters_reach("matters.tsv", 0.87, 0.86);
    matters_reach("matters-2.tsv", 0.82, 0.90);
    matters_reach("matters-3.tsv", 0.91, 0.94);
}

#[test]
fn what_callers_say_in_a_whole_call_goes_to_the_right_department() {
    calls_reach("calls.tsv", [92, 90, 92]);
    // Without the words that a table would look for.
    calls_reach("calls-2.tsv", [88, 85, 85]);
    // With the words of everything that the matter is not.
    calls_reach("calls-3.tsv", [92, 85, 78]);
    calls_reach("calls-4.tsv", [95, 91, 92]);
    calls_reach("calls-5.tsv", [88, 88, 93]);
}

#[test]
fn who_tells_a_long_story_is_seldom_taken_for_one_who_calls_for_help() {
    let understanding = understanding();
    let (mut alarms, mut calls) = (0, 0);
    // Not one of these is an emergency.
    for file in ["calls-2.tsv", "calls-3.tsv", "calls-4.tsv", "calls-5.tsv"] {
        for row in rows(file) {
            let found = interpret(&understanding, &row[0]);
            alarms += usize::from(found.iter().any(|matter| matter.emergency.is_some()));
            calls += 1;
        }
    }
    assert!(alarms * 100 <= calls * 2, "{alarms} false alarms in {calls}");
}

/// At least so many per cent of the types, of the categories and of the departments are right.
fn calls_reach(file: &str, floors: [usize; 3]) {
    let understanding = understanding();
    let city = City::load(&home().join("city")).expect("the example city is in order");
    let (mut types, mut categories, mut departments, mut routed) = (0, 0, 0, 0);
    let rows = rows(file);
    for row in &rows {
        let [text, kinds, right, who] = &row[..] else { panic!("{row:?}") };
        let said = vec![Said::from_text(Leg::Caller, text)];
        let heard = Heard { said, started_at: jiff::Timestamp::UNIX_EPOCH, line_number: None };
        let matters = understanding.interpret(&heard);
        let any = |is: &dyn Fn(&Interpretation) -> bool| usize::from(matters.iter().any(is));
        types += any(&|m| is_one_of(m.request_type.value.name(), kinds));
        categories += any(&|m| is_one_of(&m.category.value, right));
        routed += usize::from(!who.is_empty());
        let to = |m: &Interpretation| dialogue::route(&city, &heard, m).name;
        departments += any(&|m| !who.is_empty() && is_one_of(&to(m), who));
    }
    let all = rows.len();
    let reach = |what: &str, right: usize, of: usize, floor: usize| {
        assert!(right * 100 >= of * floor, "{file}: {what} right in {right} of {of}");
    };
    reach("type", types, all, floors[0]);
    reach("category", categories, all, floors[1]);
    reach("department", departments, routed, floors[2]);
}

fn matters_reach(file: &str, category_floor: f64, type_floor: f64) {
    let understanding = understanding();
    let rows = rows(file);
    let (mut types, mut categories, mut alarms) = (0, 0, 0);
    for row in &rows {
        let [text, kinds, right, _, emergency] = &row[..] else { panic!("{row:?}") };
        let found = interpret(&understanding, text);
        let Some(matter) = found.first() else { continue };
        types += usize::from(is_one_of(matter.request_type.value.name(), kinds));
        categories += usize::from(is_one_of(&matter.category.value, right));
        alarms += usize::from(emergency == "none" && matter.emergency.is_some());
    }
    let share = |right: usize| right as f64 / rows.len() as f64;
    assert!(share(categories) >= category_floor, "{file}: category right in {categories}");
    assert!(share(types) >= type_floor, "{file}: type right in {types} of {}", rows.len());
    assert!(share(alarms) <= 0.01, "{alarms} false alarms in {}", rows.len());
}

#[test]
fn emergencies_are_heard_and_what_only_sounds_like_them_is_not() {
    emergencies_reach("emergencies.tsv", 98, 1);
    emergencies_reach("emergencies-2.tsv", 98, 1);
    emergencies_reach("emergencies-3.tsv", 95, 1);
    emergencies_reach("emergencies-4.tsv", 97, 1);
    emergencies_reach("emergencies-5.tsv", 98, 2);
    emergencies_reach("emergencies-6.tsv", 94, 1);
    emergencies_reach("emergencies-7.tsv", 97, 1);
    emergencies_reach("emergencies-8.tsv", 97, 1);
    emergencies_reach("emergencies-9.tsv", 98, 1);
    emergencies_reach("emergencies-10.tsv", 96, 1);
    emergencies_reach("emergencies-11.tsv", 98, 1);
    emergencies_reach("emergencies-12.tsv", 98, 2);
    emergencies_reach("emergencies-13.tsv", 98, 2);
    emergencies_reach("emergencies-14.tsv", 98, 1);
}

/// At least so many per cent of the emergencies are heard, and at most so many of the others.
fn emergencies_reach(file: &str, floor: usize, ceiling: usize) {
    let understanding = understanding();
    let (mut heard, mut emergencies, mut alarms, mut others) = (0, 0, 0, 0);
    for row in rows(file) {
        let found = interpret(&understanding, &row[0]);
        let alarm = usize::from(found.iter().any(|matter| matter.emergency.is_some()));
        let (hits, of) = if row[1] == "none" {
            (&mut alarms, &mut others)
        } else {
            (&mut heard, &mut emergencies)
        };
        *hits += alarm;
        *of += 1;
    }
    assert!(heard * 100 >= emergencies * floor, "{file}: {heard} of {emergencies} emergencies");
    assert!(alarms * 100 <= others * ceiling, "{file}: {alarms} false alarms in {others}");
}

#[test]
fn numbers_are_found_however_they_are_dictated_and_other_numbers_are_left_alone() {
    // The fourth set is the hardest: riddles. The seventh has firms' numbers in it, which are no number to
    // call back, and in the eighth some give two numbers and say which to call. The last two are as Whisper
    // heard turns of sets 2 to 6, and of 7 to 9, over a telephone line, where digits are lost.
    for (file, floor) in [
        ("phones.tsv", 99),
        ("phones-2.tsv", 99),
        ("phones-3.tsv", 99),
        ("phones-4.tsv", 98),
        ("phones-5.tsv", 99),
        ("phones-6.tsv", 99),
        ("phones-7.tsv", 97),
        ("phones-8.tsv", 95),
        ("phones-9.tsv", 99),
        ("phones-10.tsv", 99),
        ("phones-heard.tsv", 88),
        ("phones-heard-2.tsv", 84),
    ] {
        let (mut right, mut said, mut mistaken, mut others) = (0, 0, 0, 0);
        for row in rows(file) {
            let found = nlu::entities(&row[0], jiff::Timestamp::UNIX_EPOCH).phones;
            let found: Vec<&str> = found.iter().map(|phone| phone.value.as_str()).collect();
            match row[1].as_str() {
                "" => (others, mistaken) = (others + 1, mistaken + usize::from(!found.is_empty())),
                number => (said, right) = (said + 1, right + usize::from(found == [number])),
            }
        }
        assert!(right * 100 >= said * floor, "{file}: {right} of {said} numbers");
        assert!(mistaken * 200 <= others, "{file}: {mistaken} of {others} are none");
    }
}

#[test]
fn an_emergency_is_heard_by_its_sound() {
    let understanding = understanding();
    let alarm = |text| interpret(&understanding, text).iter().any(|m| m.emergency.is_some());
    assert!(alarm("我们家着火了"));
    assert!(alarm("我们家着活了"));
    assert!(alarm("有两个人正在敲锁，就现在"));
    assert!(!alarm("车上的石头往下掉，连篷布都不盖"));
    assert!(!alarm("去年我们家着火了，保险公司到现在没赔"));
}

#[test]
fn who_called_the_wrong_number_raises_nothing_and_who_pressed_a_wrong_key_does() {
    let understanding = understanding();
    let raised = |turns: &[&str]| interpret_all(&understanding, turns).len();
    let courier = [
        "喂，师傅，你到哪儿了，我在西门呢，没看见你啊，我都等了半个多钟头了。",
        "你不是送快递的吗？你刚才给我打的电话啊，说放在西门那个保安亭里头了。",
        "哦哦，我点错了，不好意思不好意思，我不找你们。",
    ];
    assert_eq!(raised(&courier), 0);
    let remote = "那个机顶盒，村里老人根本不会调，遥控器按错了就没声了，让广播站来教一教，或者弄个大字的说明书。";
    assert_eq!(raised(&[remote]), 1);
}

#[test]
fn who_leaves_only_a_number_is_to_be_called_back() {
    let understanding = understanding();
    let found = interpret(&understanding, "手机幺三八零零幺三八零零零，谢谢");
    let [ticket] = &found[..] else { panic!("{found:?}") };
    assert_eq!(ticket.phone.as_ref().map(|phone| phone.value.as_str()), Some("13800138000"));
    assert!(ticket.request_type.confidence < 0.5 && ticket.category.confidence < 0.5);
    assert_eq!(ticket.title, "留下电话，未说明诉求");
    let mistaken = "喂，打错了，我打的是六二七零三三八八";
    assert_eq!(interpret(&understanding, mistaken).len(), 0);
    let afraid = "恐怕打错了，我要打的是一三八零零一三八零零零";
    assert_eq!(interpret(&understanding, afraid).len(), 0);
    let warned = "就是幺三八零零幺三八零零零，别又打错了";
    assert_eq!(interpret(&understanding, warned).len(), 1);
    let before = ["你们上次打错了", "我的号是幺三八零零幺三八零零零，别又打错了"];
    assert_eq!(interpret_all(&understanding, &before).len(), 1);
    let sorry = "不好意思打错了，我找的是移动公司，下次我看清楚，免得打错";
    assert_eq!(interpret(&understanding, sorry).len(), 0);
}

#[test]
fn a_word_heard_by_its_sound_shows_both_readings() {
    let understanding = understanding();
    let found = interpret(&understanding, "我的攻击金怎么提取啊");
    let [reading] = &found[0].readings[..] else { panic!("{:?}", found[0].readings) };
    assert_eq!((reading.heard.as_str(), reading.meant.as_str()), ("攻击金", "公积金"));
    assert_eq!(reading.span, nlu::Span { utterance: 0, start: 2, end: 5 });
    assert!(found[0].title.contains("公积金"), "{}", found[0].title);
    let written = interpret(&understanding, "我在4S店买的车，公积金也办不了");
    assert_eq!(written[0].readings, [], "4S店 is 4s店");
}

#[test]
fn a_title_says_the_place_once_and_begins_with_the_matter() {
    let understanding = understanding();
    for (text, title) in [
        (
            "我要反映海淀区清河街道安宁庄西路九号院门口垃圾没人清",
            "海淀区清河街道安宁庄西路九号院门口垃圾没人清",
        ),
        ("我住在朝阳区望京街道的花家地南里，暖气不热", "朝阳区望京街道花家地南里暖气不热"),
        ("丰台区卢沟桥街道小屯路路灯不亮", "丰台区卢沟桥街道小屯路路灯不亮"),
        ("我这儿有两个事儿想跟你们说一下，小区的消防通道天天堵着", "小区的消防通道天天堵着"),
        ("我想问问我家里困难能不能申请低保", "我家里困难能不能申请低保"),
    ] {
        let given = interpret(&understanding, text).remove(0).title;
        // The first word is the type's.
        assert_eq!(given.chars().skip(2).collect::<String>(), title);
    }
}
