//! What there is to learn from: labelled messages, seed texts, and what each says about each head.

use std::collections::HashMap;
use std::path::Path;

use crate::Error;
use crate::classifier::{Columns, Head, Labels, NO_EMERGENCY};

/// Where an example came from: sources are weighed, noised and reported on separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    /// Title of a message to the first city's mailbox.
    Title,
    /// Body of one.
    Body,
    /// Message of the second city.
    Citizen,
    /// Question with the department that answers.
    Question,
    /// A text of ours, written the way callers speak.
    Seed,
}

/// One text with what is known about it.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    pub(crate) text: String,
    pub(crate) source: Source,
    /// For each head the columns that are right; empty where nothing is known.
    pub(crate) right: Vec<Vec<usize>>,
    /// How much each head's loss counts.
    pub(crate) weights: Vec<f32>,
}

impl Example {
    fn new(text: String, source: Source) -> Example {
        let heads = Head::ALL.len();
        Example { text, source, right: vec![Vec::new(); heads], weights: vec![0.0; heads] }
    }

    fn knows(&mut self, head: Head, right: Vec<usize>, weight: f32) {
        self.right[head as usize] = right;
        self.weights[head as usize] = weight;
    }
}

/// Columns by name.
struct Names {
    columns: Columns,
    by_head: Vec<HashMap<String, usize>>,
}

impl Names {
    fn of(labels: &Labels) -> Names {
        let columns = Columns::of(labels);
        let by_head = Head::ALL
            .into_iter()
            .map(|head| labels.names(head).into_iter().zip(columns.range(head)).collect())
            .collect();
        Names { columns, by_head }
    }

    /// Columns of those names that the head knows.
    fn find<'a>(&self, head: Head, names: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
        names.into_iter().filter_map(|n| self.by_head[head as usize].get(n).copied()).collect()
    }
}

/// Reads every known file of `data` and every seed file of `seeds`.
///
/// # Errors
/// `complaint_titles.csv`, `complaint_bodies.csv` or `citizen_messages.csv` is missing, or a
/// file is not what it should be.
pub(crate) fn read(data: &Path, seeds: &Path, labels: &Labels) -> Result<Vec<Example>, Error> {
    let names = Names::of(labels);
    let mut examples = Vec::new();
    for (file, column, source) in [
        ("complaint_titles.csv", "title", Source::Title),
        ("complaint_bodies.csv", "detail", Source::Body),
    ] {
        for [text, label] in columns(&data.join(file), [column, "label"], b',')? {
            let mut example = Example::new(text, source);
            example.knows(Head::Category, names.find(Head::Category, [label.as_str()]), 1.0);
            calm(&mut example, &names);
            examples.push(example);
        }
    }
    let citizens = data.join("citizen_messages.csv");
    for [text, kind, field] in columns(&citizens, ["留言", "问题类型", "问题领域"], b',')?
    {
        let mut example = Example::new(text, Source::Citizen);
        example.knows(Head::Type, names.find(Head::Type, types_of(&kind).iter().copied()), 1.0);
        example.knows(
            Head::Category,
            names.find(Head::Category, field_of(&field).iter().copied()),
            0.5,
        );
        calm(&mut example, &names);
        examples.push(example);
    }
    let questions = data.join("gov_qa.csv");
    if questions.exists() {
        for [text, office] in columns(&questions, ["用户问题", "处理单位"], b',')? {
            let mut example = Example::new(text, Source::Question);
            example.knows(
                Head::Category,
                names.find(Head::Category, office_of(&office).iter().copied()),
                0.5,
            );
            examples.push(example);
        }
    }
    read_seeds(seeds, &names, &mut examples)?;
    examples.retain(|e| !e.text.trim().is_empty() && e.right.iter().any(|r| !r.is_empty()));
    Ok(examples)
}

/// Messages to a mailbox are written after the fact: no emergency is going on in them.
fn calm(example: &mut Example, names: &Names) {
    example.knows(Head::Emergency, names.find(Head::Emergency, [NO_EMERGENCY]), 0.1);
}

/// The second city's three types in ours.
fn types_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "建言" => &["建议"],
        "投诉/求助" => &["投诉", "求助", "举报"],
        "咨询" => &["咨询"],
        _ => &[],
    }
}

/// The second city's fields that lie inside categories that the first city's labels lack.
fn field_of(field: &str) -> &'static [&'static str] {
    match field {
        "三农" => &["农村农业", "国土资源"],
        "治安" => &["政法"],
        "金融" => &["经济管理"],
        _ => &[],
    }
}

/// Categories that an answering department's questions belong to.
fn office_of(office: &str) -> &'static [&'static str] {
    match office {
        "规划自然资源委" => &["国土资源", "城乡建设"],
        "体育局" | "文物局" => &["教育文体"],
        "人力资源社会保障局" | "医保局" => &["劳动和社会保障"],
        "科委" => &["科技与信息产业"],
        "交通委" => &["交通运输"],
        "交管局" => &["政法"],
        "住房公积金管理中心" => &["城乡建设", "劳动和社会保障"],
        "药监局" => &["卫生计生"],
        _ => &[],
    }
}

fn read_seeds(dir: &Path, names: &Names, examples: &mut Vec<Example>) -> Result<(), Error> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .map_err(Error::file(dir))?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "tsv"))
        .collect();
    files.sort();
    for file in files {
        let fields = ["text", "type", "category", "category_2", "urgency", "emergency"];
        for (row, [text, kind, category, second, urgency, emergency]) in
            columns(&file, fields, b'\t')?.into_iter().enumerate()
        {
            let mut example = Example::new(text, Source::Seed);
            let below = format!("{category}/{second}");
            for (head, name) in [
                (Head::Type, &kind),
                (Head::Category, &category),
                (Head::Subcategory, &below),
                (Head::Urgency, &urgency),
                (Head::Emergency, &emergency),
            ] {
                let right = names.find(head, [name.as_str()]);
                if right.is_empty() {
                    let what = format!("row {}: {name} is no label", row + 2);
                    return Err(Error::content(&file, what, "correct the seed or labels.toml"));
                }
                // Who calls for help is heard as an emergency; what category and type that
                // would be is no lesson about their other words.
                let alarm = emergency != NO_EMERGENCY;
                let aside = alarm && !matches!(head, Head::Emergency | Head::Urgency);
                example.knows(head, right, if aside { 0.0 } else { 1.0 });
            }
            examples.push(example);
        }
    }
    debug_assert!(names.columns.width() > 0);
    Ok(())
}

/// The named columns of a table with a header.
pub(crate) fn columns<const N: usize>(
    path: &Path,
    names: [&str; N],
    delimiter: u8,
) -> Result<Vec<[String; N]>, Error> {
    const REMEDY: &str = "see models/nlu/README.md for the files and columns that training reads";
    let file = std::fs::File::open(path).map_err(Error::file(path))?;
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).quoting(delimiter == b',').from_reader(file);
    let header = reader.headers().map_err(|e| Error::content(path, e, REMEDY))?.clone();
    let mut places = [0; N];
    for (place, name) in places.iter_mut().zip(names) {
        *place = header
            .iter()
            .position(|h| h.trim_start_matches('\u{feff}') == name)
            .ok_or_else(|| Error::content(path, format!("column {name} is missing"), REMEDY))?;
    }
    reader
        .records()
        .map(|record| {
            let record = record.map_err(|e| Error::content(path, e, REMEDY))?;
            Ok(places.map(|i| record.get(i).unwrap_or_default().to_owned()))
        })
        .collect()
}
