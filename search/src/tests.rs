use std::collections::HashMap;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use crate::letters::{letters, words};
use crate::sound;
use crate::word::Word;
use crate::{Entry, Error, Found, Index, Line, Order, Query, Shelf};

mod keeping;

fn entry(key: &str, title: &str, said: &[&str]) -> Entry {
    let lines = said.iter().enumerate();
    Entry {
        key: key.into(),
        version: 1,
        ticket: true,
        texts: vec![title.into()],
        transcript: lines
            .map(|(at, text)| Line { text: (*text).into(), start_ms: 1_000 * at as u64 })
            .collect(),
        confidence: 1.0,
        ..Entry::default()
    }
}

fn filled(entries: &[Entry]) -> (tempfile::TempDir, Index) {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path()).unwrap();
    index.put(entries).unwrap();
    index.commit().unwrap();
    (dir, index)
}

fn find(index: &Index, words: &str) -> Found {
    index.find(&Query { words: words.into(), ..Query::default() }).unwrap()
}

fn keys(found: &Found) -> Vec<&str> {
    found.hits.iter().map(|hit| hit.key.as_str()).collect()
}

/// What holds all of the words.
#[track_caller]
fn found<'a>(index: &Index, words: &str, expected: impl AsRef<[&'a str]>) {
    let mut answer = find(index, words);
    if answer.partial {
        answer = Found::default();
    }
    assert_eq!(keys(&answer), expected.as_ref(), "{words}");
    assert_eq!(answer.total, expected.as_ref().len(), "{words}");
}

#[test]
fn all_words_must_occur() {
    let (_dir, index) = filled(&[
        entry("a", "望京街道路灯不亮", &["你好，我要反映路灯的事"]),
        entry("b", "望京街道噪音扰民", &["楼下夜间施工的噪音很大"]),
    ]);
    found(&index, "望京 路灯", ["a"]);
    found(&index, "望京　噪音", ["b"]);
    found(&index, "路灯 噪音", []);
    assert_eq!(find(&index, "望京").total, 2);
}

#[test]
fn parts_of_a_word_may_stand_apart() {
    let (_dir, index) = filled(&[
        entry("a", "", &["楼下夜间施工的噪音很大"]),
        entry(
            "b",
            "",
            &["夜间很安静", "白天也是", "晚上散步的人多，大家都说今年没有施工，也没有听到噪音"],
        ),
        entry("c", "", &["夜间一直在施工", "噪音特别大"]),
    ]);
    let answer = find(&index, "夜间施工噪音");
    assert_eq!(answer.total, 2);
    assert_eq!(keys(&answer).iter().filter(|key| **key == "b").count(), 0);
    // What is quoted stands as it is.
    found(&index, "“夜间施工噪音”", []);
    found(&index, "\"夜间施工的噪音\"", ["a"]);
    found(&index, "小区的楼下施工", []);
}

#[test]
fn nothing_is_found_across_texts() {
    let entry =
        Entry {
            key: "a".into(), texts: vec!["路灯".into(), "不亮".into()], ..Entry::default()
        };
    let (_dir, index) = filled(&[entry]);
    found(&index, "路灯不亮", []);
    found(&index, "路灯 不亮", ["a"]);
}

#[test]
fn signs_width_and_case_do_not_count() {
    let (_dir, index) = filled(&[entry(
        "a",
        "ＳＯＨＯ现代城Ａ座，电话 138-1234-5678",
        &["我在SOHO，现代城。", "车牌京A·12345"],
    )]);
    for words in [
        "soho现代城",
        "Soho",
        "soh",
        "a座",
        "13812345678",
        "1234",
        "５６７８",
        "京a12345",
        "ＳＯＨＯ，现代",
    ] {
        found(&index, words, ["a"]);
    }
    found(&index, "13812345679", []);
}

#[test]
fn one_character_is_found() {
    let (_dir, index) = filled(&[entry("a", "水", &[]), entry("b", "停水了", &[])]);
    assert_eq!(find(&index, "水").total, 2);
    found(&index, "停", ["b"]);
    found(&index, "火", []);
}

#[test]
fn sounds_find_spellings() {
    let (_dir, index) = filled(&[
        entry("a", "望京西路路灯不亮", &[]),
        entry("b", "长阳镇噪音", &["绿地中心"]),
        entry("c", "西安路", &[]),
        entry("d", "", &["我在攻击金中心办事"]),
    ]);
    for (words, key) in [
        ("wangjing", "a"),
        ("望井", "a"),
        ("wangjingxilu", "a"),
        ("wangjing西路", "a"),
        ("往京溪路", "a"),
        ("changyang", "b"),
        ("zhangyang", "b"),
        ("常阳镇", "b"),
        ("lvdi", "b"),
        ("xian", "c"),
        ("xi'an", "c"),
        ("公积金", "d"),
    ] {
        let answer = find(&index, words);
        assert_eq!(keys(&answer), [key], "{words}");
        assert!(answer.alike);
    }
    found(&index, "“望井”", []);
    found(&index, "wang", []);
}

#[test]
fn where_nothing_holds_all_words_some_are_enough() {
    let (_dir, index) = filled(&[
        entry("gym", "", &["健身房关门了", "我办的卡钱还能不能要回来"]),
        entry("shop", "", &["网上买的鞋要退款，商家不理"]),
        entry("both", "", &["健身房不让转卡"]),
        entry("neither", "路灯不亮", &[]),
    ]);
    let answer = find(&index, "健身房 转卡");
    assert_eq!((keys(&answer), answer.partial), (vec!["both"], false));
    let answer = find(&index, "健身房 转卡 退款");
    assert_eq!((answer.partial, answer.total), (true, 3));
    assert_eq!(answer.hits[0].key, "both", "what holds more of them comes first");
    // A sentence that was said in other words.
    let answer = find(&index, "健身房不给退款");
    assert!(answer.partial && answer.total == 3, "{answer:?}");
    assert!(!answer.hits[0].snippets.is_empty());
    let answer = find(&index, "“健身房” “退款” 望远镜");
    assert_eq!((answer.partial, answer.total), (true, 3));
    let answer = find(&index, "望远镜 显微镜");
    assert_eq!((answer.partial, answer.total), (false, 0));
}

#[test]
fn what_is_spelt_comes_before_what_sounds_alike() {
    let mut entries: Vec<Entry> = (0..5)
        .map(|number| entry(&format!("alike{number}"), "望井路灯 望井", &["望井望井"]))
        .collect();
    entries.push(entry("exact", "", &["我们这里很长很长的一段话，说了半天才说到是在望京那一带"]));
    entries.extend((5..9).map(|number| entry(&format!("alike{number}"), "忘京", &[])));
    let (_dir, index) = filled(&entries);
    let answer = find(&index, "望京");
    assert_eq!(answer.total, 10);
    assert_eq!(answer.hits[0].key, "exact");
    // In a longer query too.
    let answer = find(&index, "望京路灯");
    assert_eq!(answer.total, 5);
}

#[test]
fn titles_come_before_chatter_and_words_before_chance() {
    let (_dir, index) = filled(&[
        entry("said", "噪音", &["我说一下，那个路灯在我家门口"]),
        entry("title", "路灯不亮", &["你好，我家门口那个不亮了"]),
    ]);
    assert_eq!(keys(&find(&index, "路灯")), ["title", "said"]);
    let (_dir, index) =
        filled(&[entry("chance", "落实施工程", &[]), entry("word", "违规施工", &[])]);
    assert_eq!(keys(&find(&index, "施工")), ["word", "chance"]);
}

#[test]
fn few_that_are_spelt_let_in_what_sounds_alike_and_many_do_not() {
    let mut entries: Vec<Entry> =
        (0..60).map(|number| entry(&format!("{number}"), "望京", &[])).collect();
    entries.push(entry("alike", "望井", &[]));
    let (_dir, index) = filled(&entries);
    let answer = find(&index, "望京");
    assert_eq!((answer.total, answer.alike), (60, false));
    let answer = find(&index, "望井");
    assert_eq!((answer.total, answer.alike), (61, true));
    assert_eq!(answer.hits[0].key, "alike");
}

fn various() -> Vec<Entry> {
    (0..10)
        .map(|number| Entry {
            version: number,
            call: format!("call{}", number / 2),
            ticket: number % 3 != 0,
            started_at: 1_000 + number as i64,
            department: vec![format!("部门{}", number % 2), "市局".into()],
            category: format!("类{}", number % 4),
            request_type: if number < 5 { "投诉".into() } else { "咨询".into() },
            status: "dispatched".into(),
            caller_key: format!("caller{number}"),
            place: vec!["北京市".into(), format!("区{}", number % 5)],
            confidence: number as f64 / 10.0,
            outcome: "tickets".into(),
            ..entry(&format!("{number}"), "路灯", &["路灯不亮"])
        })
        .collect()
}

#[test]
fn filters_let_through_what_they_name() {
    let (_dir, index) = filled(&various());
    let total = |query: Query| index.find(&query).unwrap().total;
    let one = |value: &str| vec![value.to_owned()];
    let all = Query::default;
    assert_eq!(total(all()), 10);
    assert_eq!(total(Query { department: one("部门1"), ..all() }), 5);
    assert_eq!(total(Query { department: vec!["部门1".into(), "部门0".into()], ..all() }), 10);
    assert_eq!(total(Query { department: one("部门"), ..all() }), 0);
    assert_eq!(total(Query { category: one("类0"), ..all() }), 3);
    assert_eq!(total(Query { request_type: one("投诉"), words: "路灯".into(), ..all() }), 5);
    assert_eq!(total(Query { status: one("closed"), ..all() }), 0);
    assert_eq!(total(Query { caller_key: one("caller3"), ..all() }), 1);
    assert_eq!(total(Query { call: one("call1"), ..all() }), 2);
    assert_eq!(total(Query { place: one("区2"), ..all() }), 2);
    assert_eq!(total(Query { outcome: one("tickets"), ..all() }), 10);
    assert_eq!(total(Query { ticket: Some(true), ..all() }), 6);
    assert_eq!(total(Query { ticket: Some(false), ..all() }), 4);
    assert_eq!(total(Query { from: Some(1_003), to: Some(1_006), ..all() }), 3);
    assert_eq!(total(Query { from: Some(i64::MIN), to: Some(i64::MAX), ..all() }), 10);
    assert_eq!(total(Query { confidence_below: Some(0.3), ..all() }), 3);
    assert_eq!(total(Query { confidence_below: Some(f64::NAN), ..all() }), 10);
    assert_eq!(total(Query { departments_visible: Some(Vec::new()), ..all() }), 0);
    assert_eq!(total(Query { departments_visible: Some(one("部门0")), ..all() }), 5);
    let seen =
        Query { departments_visible: Some(one("部门0")), department: one("部门1"), ..all() };
    assert_eq!(total(seen), 0);
}

#[test]
fn pages_follow_each_other_newest_first() {
    let (_dir, index) = filled(&various());
    for (order, words) in [(Order::Newest, "路灯"), (Order::Newest, ""), (Order::Relevance, "")] {
        let mut seen = Vec::new();
        for offset in (0..12).step_by(3) {
            let query = Query { words: words.into(), order, offset, limit: 3, ..Query::default() };
            let answer = index.find(&query).unwrap();
            assert_eq!(answer.total, 10);
            seen.extend(answer.hits.into_iter().map(|hit| hit.key));
        }
        assert_eq!(seen, ["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"]);
    }
    let none = Query { limit: 0, ..Query::default() };
    assert_eq!(index.find(&none).unwrap().total, 10);
    let beyond = Query { offset: usize::MAX, limit: usize::MAX, ..Query::default() };
    assert_eq!(index.find(&beyond).unwrap().hits.len(), 0);
    // By relevance no hit comes twice either.
    let mut seen = Vec::new();
    for offset in 0..10 {
        let query = Query { words: "路灯".into(), offset, limit: 1, ..Query::default() };
        seen.extend(index.find(&query).unwrap().hits.into_iter().map(|hit| hit.key));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 10);
}

/// Folder of the process that is to be killed.
const KILLED: &str = "SEARCH_TEST_KILLED";

#[test]
fn snippets_mark_the_right_characters() {
    let long = format!("{}最后说，路灯不亮。{}", "前面的话".repeat(40), "后面的话".repeat(40));
    let (_dir, index) = filled(&[entry(
        "a",
        "路灯",
        &["您好", "😀 那个ＳＯＨＯ，路\n灯，不亮", "别的事情", &long, "路灯", "路灯路灯"],
    )]);
    let answer = find(&index, "路灯 soho");
    let snippets = &answer.hits[0].snippets;
    let marked: Vec<(usize, u64, Vec<String>)> = snippets
        .iter()
        .map(|snippet| {
            let chars: Vec<char> = snippet.text.chars().collect();
            let marks = snippet.marks.iter().map(|(from, to)| chars[*from..*to].iter().collect());
            (snippet.utterance, snippet.start_ms, marks.collect())
        })
        .collect();
    assert_eq!(
        marked,
        [
            (1, 1_000, vec!["ＳＯＨＯ".to_owned(), "路 灯".to_owned()]),
            (3, 3_000, vec!["路灯".to_owned()]),
            (4, 4_000, vec!["路灯".to_owned()]),
        ]
    );
    assert_eq!(snippets[0].text, "😀 那个ＳＯＨＯ，路 灯，不亮");
    assert!(snippets[1].text.starts_with('…') && snippets[1].text.ends_with('…'));
    assert!(snippets[1].text.chars().count() < 100);
    // By sound, and by parts.
    let (_dir, index) = filled(&[entry("a", "", &["我在望井", "夜间老是施工，噪音很大"])]);
    assert_eq!(find(&index, "望京").hits[0].snippets[0].marks, [(2, 4)]);
    assert_eq!(find(&index, "夜间施工噪音").hits[0].snippets[0].marks, [(0, 2), (4, 6), (7, 9)]);
    assert_eq!(find(&index, "").hits[0].snippets, []);
}

#[test]
fn similar_entries_share_telling_words() {
    let (_dir, index) = filled(&[
        entry("light", "小区门口路灯不亮", &["您好，小区门口的路灯三天没有亮了"]),
        entry("noise", "工地夜间施工噪音扰民", &["您好，工地夜间施工，噪音很大，睡不着"]),
        entry("water", "自来水管道破裂停水", &["您好，我们这里停水了"]),
    ]);
    let all = Query::default();
    let found = index.similar("您好，请问工地施工的噪音谁来管，夜间睡不着", &all, 5).unwrap();
    assert_eq!(found[0].0, "noise");
    assert!(found[0].1 > 0.5 && found[0].1 <= 1.0, "{found:?}");
    let same = index.similar("自来水管道破裂停水", &all, 5).unwrap();
    assert_eq!(same.len(), 1);
    assert!(same[0].1 > 0.99, "{same:?}");
    assert_eq!(index.similar("您好 谢谢", &all, 5).unwrap(), []);
    assert_eq!(index.similar("", &all, 5).unwrap(), []);
    let hidden = Query { departments_visible: Some(Vec::new()), ..all };
    assert_eq!(index.similar("自来水管道破裂停水", &hidden, 5).unwrap(), []);
}

#[test]
fn a_shelf_finds_its_texts() {
    let shelf = Shelf::new(vec![
        ("light".into(), "路灯故障：由城市管理委员会负责维修".into()),
        ("fund".into(), "公积金提取：带身份证到公积金中心办理".into()),
        ("noise".into(), "夜间施工的噪音：由生态环境局和城管处理".into()),
    ]);
    for (words, id) in [
        ("路灯", "light"),
        ("gongjijin", "fund"),
        ("夜间施工噪音", "noise"),
        ("怎么提取公积金", "fund"),
    ] {
        let found = shelf.find(words, 5);
        assert_eq!(found[0].0, id, "{words}");
        assert!(found.iter().all(|(_, score)| *score > 0.0 && *score <= 1.0));
    }
    assert_eq!(shelf.find("", 5), []);
    assert_eq!(shelf.find("？！", 5), []);
    assert_eq!(shelf.find("城", 1).len(), 1);
    assert_eq!(Shelf::new(Vec::new()).find("路灯", 5), []);
}

#[test]
fn an_empty_index_finds_nothing() {
    let (_dir, index) = filled(&[]);
    found(&index, "路灯", []);
    found(&index, "", []);
    assert_eq!(index.similar("路灯", &Query::default(), 3).unwrap(), []);
    assert_eq!(index.versions().unwrap(), HashMap::new());
}

#[test]
fn rows_of_letters_are_read_as_syllables() {
    let spelt = |row: &str| sound::spelt(&row.chars().collect::<Vec<_>>());
    assert_eq!(spelt("wangjing"), [["wang", "jing"]]);
    assert_eq!(spelt("xian"), [vec!["xian"], vec!["xi", "an"]]);
    assert_eq!(spelt("soho").len(), 0);
    assert_eq!(spelt("").len(), 0);
    // However long, it does not take long.
    assert!(spelt(&"ang".repeat(40)).len() <= sound::WAYS);
    assert!(spelt(&format!("{}q", "an".repeat(40))).is_empty());
    assert_eq!(sound::syllables('吕').collect::<Vec<_>>(), ["lv"]);
    let long: Vec<&str> = sound::syllables('长').collect();
    assert!(long.contains(&"chang") && long.contains(&"zhang"));
    assert_eq!(sound::syllables('a').count(), 0);
}

#[test]
fn a_text_is_cut_into_words() {
    assert_eq!(words("夜间施工，扰民！a"), ["夜间", "施工", "扰民"]);
    assert_eq!(Word::parse("  “路灯 不亮”坏了 ！ ").len(), 2);
    assert_eq!(Word::parse("！？…… \u{0} \"").len(), 0);
}

/// Texts like those of calls, with what recognisers and people put between.
fn text() -> impl Strategy<Value = String> {
    let characters = prop::sample::select(
        "望京路灯不亮的了在我们小区门口夜间施工噪音很大水管道ａＢc19３0"
            .chars()
            .collect::<Vec<_>>(),
    );
    let signs = prop::sample::select("，。 ！·-\n\t“😀é".chars().collect::<Vec<_>>());
    let one = prop_oneof![8 => characters, 1 => signs, 1 => any::<char>()];
    prop::collection::vec(one, 2..40).prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn whatever_stands_in_a_text_is_found(texts in prop::collection::vec(text(), 1..6), picks in prop::collection::vec((0..6_usize, 0..40_usize, 2..=8_usize), 24)) {
        let entries: Vec<Entry> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| match at % 2 {
                0 => entry(&at.to_string(), "题", &["前一句", text]),
                _ => entry(&at.to_string(), text, &["后一句"]),
            })
            .collect();
        let (_dir, index) = filled(&entries);
        for (which, from, length) in picks {
            let which = which % texts.len();
            let chars: Vec<char> = texts[which].chars().collect();
            let from = from % (chars.len() - 1);
            let part: String = chars[from..(from + length).min(chars.len())].iter().collect();
            for words in [part.clone(), format!("\"{}\"", part.replace(['"', '“'], ""))] {
                let answer = index.find(&Query { words: words.clone(), limit: 100, ..Query::default() }).unwrap();
                prop_assert!(keys(&answer).contains(&which.to_string().as_str()), "{words:?} in {:?}", texts[which]);
                let letters: Vec<char> = letters(&part).map(|(_, ch)| ch).collect();
                if which % 2 == 0 && !letters.is_empty() {
                    let hit = answer.hits.iter().find(|hit| hit.key == which.to_string()).unwrap();
                    prop_assert!(!hit.snippets.is_empty(), "{words:?} in {:?}", texts[which]);
                }
            }
        }
    }

    #[test]
    fn no_query_is_an_error(queries in prop::collection::vec(any::<String>(), 20), signs in "[\"“”:+*?~^()\\[\\]{}\\\\/& a望|!-]{0,40}") {
        let (_dir, index) = filled(&[entry("a", "望京路灯", &["望京路灯不亮"])]);
        for words in queries.into_iter().chain([signs, "a".repeat(5_000), "望 ".repeat(500), "望京路灯不亮".repeat(200)]) {
            for order in [Order::Relevance, Order::Newest] {
                let answer = index.find(&Query { words: words.clone(), order, ..Query::default() });
                for hit in answer.unwrap().hits {
                    for snippet in hit.snippets {
                        let count = snippet.text.chars().count();
                        prop_assert!(snippet.marks.iter().all(|(from, to)| from < to && *to <= count));
                    }
                }
            }
            index.similar(&words, &Query::default(), 3).unwrap();
        }
    }
}
