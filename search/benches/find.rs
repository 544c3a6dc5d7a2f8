//! What finding costs, against the floor of any: looking through the same texts in memory, turn
//! by turn.
use std::time::{Duration, Instant};

use search::{Entry, Index, Line, Order, Query};

/// Entries, unless the first argument says how many.
const ENTRIES: usize = 100_000;
/// Characters of a transcript.
const LENGTH: usize = 400;
/// How often each query is asked.
const ROUNDS: usize = 12;
/// Entries put at a time.
const BATCH: usize = 500;

const PLACES: [&str; 12] = [
    "望京街道",
    "回龙观镇",
    "长阳镇",
    "朝阳北路",
    "建设路",
    "人民大街",
    "滨河小区",
    "幸福里",
    "科技园",
    "火车站",
    "中关村",
    "解放西路",
];
const MATTERS: [&str; 14] = [
    "路灯不亮",
    "夜间施工噪音扰民",
    "自来水管道破裂",
    "暖气不热",
    "垃圾没有清运",
    "占道经营",
    "公积金提取",
    "井盖丢失",
    "违章停车",
    "物业乱收费",
    "拖欠工资",
    "电梯故障",
    "油烟扰民",
    "学校入学",
];
const CHATTER: [&str; 16] = [
    "您好，请问有什么可以帮您",
    "我想反映一个情况",
    "就是我们小区门口",
    "已经有三天没有人来处理了",
    "您说的具体位置是哪里",
    "我给物业打过电话",
    "他们说这个不归他们管",
    "老人和孩子晚上出门很不安全",
    "请您留一下联系电话",
    "好的我帮您登记一下",
    "希望相关部门尽快解决",
    "这个事情说了好几次了",
    "昨天晚上十一点多还在响",
    "麻烦您核实一下",
    "感谢您的来电",
    "大概是上个星期开始的",
];
const TAILS: &str =
    "天地人和风雨山川东西南北春夏秋冬金木水火土红黄蓝绿大小多少上下左右前后高低长短新老里外";

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }
}

fn entry(number: usize, dice: &mut Dice, tails: &[char]) -> Entry {
    let (place, matter) = (dice.pick(&PLACES), dice.pick(&MATTERS));
    let mut transcript = Vec::new();
    let (mut length, mut start_ms) = (0, 0);
    while length < LENGTH {
        let mut text = match dice.roll(8) {
            0 => format!("在{place}那边{matter}"),
            _ => dice.pick(&CHATTER).to_owned(),
        };
        // Names and slips that no dictionary knows, so that there are rare words.
        text.extend((0..4 + dice.roll(5)).map(|_| dice.pick(tails)));
        length += text.chars().count();
        start_ms += 2_500;
        transcript.push(Line { text, start_ms });
    }
    let unit = 1 + dice.roll(30);
    Entry {
        key: format!("2026{number:08}"),
        version: 1 + number as u64 % 3,
        call: format!("{number:064x}"),
        ticket: true,
        started_at: 1_700_000_000 + 60 * number as i64,
        texts: vec![format!("{place}{matter}"), format!("{place}{unit}号"), "区城管局".into()],
        transcript,
        department: vec![format!("部门{}", number % 40)],
        category: matter.into(),
        request_type: "投诉".into(),
        status: "dispatched".into(),
        caller_key: format!("{:016x}", number % 70_000),
        place: vec!["某市".into(), format!("{}区", number % 12), place.into()],
        confidence: dice.roll(100) as f64 / 100.0,
        outcome: "tickets".into(),
    }
}

fn queries() -> Vec<(&'static str, Query)> {
    let words = |words: &str| Query { words: words.into(), ..Query::default() };
    vec![
        ("a common word", words("路灯")),
        ("a common phrase", words("夜间施工噪音")),
        ("two words", words("望京 暖气")),
        ("a phrase in parts", words("小区门口路灯不亮")),
        ("a long sentence", words("我想反映一个情况就是我们小区门口已经有三天没有人来处理了")),
        ("three common words", words("小区 物业 晚上")),
        ("one character", words("水")),
        ("a chance substring", words("您核实")),
        ("pinyin", words("wangjing")),
        ("a homophone", words("暖器不热")),
        ("a rare row", words("春夏秋冬")),
        ("nothing", words("石破天惊逗秋雨")),
        ("digits", words("28号")),
        ("newest of a word", Query { order: Order::Newest, ..words("电梯") }),
        ("everything, newest", words("")),
        (
            "filters",
            Query {
                department: vec!["部门7".into()],
                from: Some(1_700_000_000),
                to: Some(1_703_000_000),
                confidence_below: Some(0.5),
                ..words("噪音")
            },
        ),
        ("a deep page", Query { offset: 2_000, limit: 50, ..words("物业") }),
    ]
}

fn size(dir: &std::path::Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for file in std::fs::read_dir(dir)? {
        bytes += file?.metadata()?.len();
    }
    Ok(bytes)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(ENTRIES);
    let dir = tempfile::tempdir()?;
    let tails: Vec<char> = TAILS.chars().collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let index = Index::open(dir.path())?;
    let mut plain = Vec::with_capacity(count);
    let mut building = Duration::ZERO;
    for first in (0..count).step_by(BATCH) {
        let batch: Vec<Entry> = (first..count.min(first + BATCH))
            .map(|number| entry(number, &mut dice, &tails))
            .collect();
        plain.extend(batch.iter().map(|entry| {
            let said = entry.transcript.iter().map(|line| line.text.as_str());
            entry.texts.iter().map(String::as_str).chain(said).collect::<Vec<_>>().join("\n")
        }));
        let begun = Instant::now();
        index.put(&batch)?;
        building += begun.elapsed();
    }
    let begun = Instant::now();
    index.commit()?;
    building += begun.elapsed();
    let text: usize = plain.iter().map(String::len).sum();
    println!("{count} entries, {} MB of text", text / 1_000_000);
    println!(
        "building {:.1} s, {:.0} entries a second",
        building.as_secs_f64(),
        count as f64 / building.as_secs_f64()
    );
    drop(index);
    let begun = Instant::now();
    let index = Index::open(dir.path())?;
    println!("opening {:.0} ms", 1_000.0 * begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let versions = index.versions()?.len();
    println!("{versions} versions {:.0} ms", 1_000.0 * begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    index.find(&Query { words: "路灯".into(), ..Query::default() })?;
    println!("the first query {:.0} ms", 1_000.0 * begun.elapsed().as_secs_f64());
    let mut every = Vec::new();
    let mut scans = Vec::new();
    for (name, query) in queries() {
        let mut times = Vec::new();
        let mut total = 0;
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            total = index.find(&query)?.total;
            times.push(begun.elapsed());
        }
        every.extend_from_slice(&times);
        let words: Vec<&str> = query.words.split_whitespace().collect();
        let begun = Instant::now();
        let floor =
            plain.iter().filter(|text| words.iter().all(|word| text.contains(word))).count();
        let scan = begun.elapsed();
        scans.push(scan);
        let slowest = times.iter().max().copied().unwrap_or_default();
        let middle = median(&mut times);
        println!(
            "{name}: {:.2} ms, at worst {:.2} ms, {:.3} times a plain scan; {total} found, {floor} by the scan",
            1_000.0 * middle.as_secs_f64(),
            1_000.0 * slowest.as_secs_f64(),
            middle.as_secs_f64() / scan.as_secs_f64()
        );
    }
    every.sort_unstable();
    let late = every[every.len() * 95 / 100];
    println!(
        "finding: median {:.2} ms, 95 of 100 within {:.2} ms; a plain scan {:.0} ms",
        1_000.0 * every[every.len() / 2].as_secs_f64(),
        1_000.0 * late.as_secs_f64(),
        1_000.0 * median(&mut scans).as_secs_f64()
    );
    let mut times = Vec::new();
    for text in plain.iter().step_by(1 + count / 20) {
        let begun = Instant::now();
        index.similar(text, &Query::default(), 10)?;
        times.push(begun.elapsed());
    }
    println!("similar entries {:.1} ms", 1_000.0 * median(&mut times).as_secs_f64());
    let mut times = Vec::new();
    for number in 0..20 {
        let more = entry(number, &mut dice, &tails);
        let begun = Instant::now();
        index.put(&[more])?;
        index.commit()?;
        times.push(begun.elapsed());
    }
    println!(
        "putting one again and committing {:.0} ms",
        1_000.0 * median(&mut times).as_secs_f64()
    );
    drop(index);
    let bytes = size(dir.path())?;
    println!("on disk {} MB, {:.2} times the text", bytes / 1_000_000, bytes as f64 / text as f64);
    Ok(())
}
