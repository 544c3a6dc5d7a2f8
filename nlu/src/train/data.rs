//! What there is to learn from: labelled messages, seed texts, and what each says about each head.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::classifier::{Head, LETTERS, Labels, NO_EMERGENCY, SPOKEN, SUBJECT, WRITTEN};
use crate::interpretation::Urgency;

/// Where an example came from: sources are weighed, noised and reported on separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    /// Title of a message to the first city's mailbox.
    Title,
    /// Body of one.
    Body,
    /// Message of the second city.
    Citizen,
    /// Question with the office that answers.
    Question,
    /// Its answer, or the beginning of it: what the office writes is what it is asked about.
    Answer,
    /// A text of ours, written the way callers speak.
    Seed,
    /// A title of ours, written the way citizens write them.
    Heading,
}

/// One text with what is known about it.
#[derive(Debug, Clone)]
pub(crate) struct Example {
    pub(crate) text: String,
    pub(crate) source: Source,
    /// For each head the labels that are right; empty where nothing is known.
    pub(crate) right: Vec<Vec<usize>>,
    /// How much each head learns of it; where that is nothing, it is only measured.
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

/// Labels by name.
struct Names<'a> {
    labels: &'a Labels,
    by_head: Vec<HashMap<String, usize>>,
}

impl<'a> Names<'a> {
    fn of(labels: &'a Labels) -> Names<'a> {
        let numbered = |head| labels.names(head).into_iter().zip(0..).collect();
        Names { labels, by_head: Head::ALL.into_iter().map(numbered).collect() }
    }

    /// The labels of those names that the head knows.
    fn find<'n>(&self, head: Head, names: impl IntoIterator<Item = &'n str>) -> Vec<usize> {
        let known = &self.by_head[head as usize];
        let label = |name| known.get(self.labels.standing_for(head, name)).copied();
        names.into_iter().filter_map(label).collect()
    }
}

/// What a seed file may have columns for.
const SEED_COLUMNS: [&str; 7] =
    ["text", "type", "category", "category_2", "urgency", "emergency", "department"];
/// Characters of an answer that are read.
const ANSWER: usize = 300;
/// Folder within that of the seeds with titles of ours: one file a category, one title a line.
const HEADINGS: &str = "titles";
/// How much the category of a letter learns of a title of ours, where it learns 1 of a real one.
const HEADING_WEIGHT: f32 = 0.3;

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
            for head in [Head::Category, Head::LetterCategory] {
                example.knows(head, names.find(head, [label.as_str()]), 1.0);
            }
            if source == Source::Title {
                example.knows(Head::Style, vec![SUBJECT], 1.0);
            }
            examples.push(example);
        }
    }
    let citizens = data.join("citizen_messages.csv");
    for [text, kind] in columns(&citizens, ["留言", "问题类型"], b',')? {
        let mut example = Example::new(text, Source::Citizen);
        example.knows(Head::Letter, names.find(Head::Letter, [kind.as_str()]), 1.0);
        example.knows(Head::Style, vec![WRITTEN], 1.0);
        let types = LETTERS.iter().find(|letter| letter.0 == kind).map_or(&[][..], |l| l.1);
        // Only to be measured: the letters' labels are too coarse to learn types from.
        example.knows(Head::Type, types.iter().map(|t| *t as usize).collect(), 0.0);
        examples.push(example);
    }
    let questions = data.join("gov_qa.csv");
    if questions.exists() {
        let fields = ["用户问题", "正文内容", "处理单位"];
        for [question, answer, office] in columns(&questions, fields, b',')? {
            let right = names.find(Head::Department, [office.trim()]);
            let answer = answer.chars().take(ANSWER).collect();
            for (text, source) in [(question, Source::Question), (answer, Source::Answer)] {
                let mut example = Example::new(text, source);
                example.knows(Head::Department, right.clone(), 1.0);
                examples.push(example);
            }
        }
    }
    read_seeds(seeds, &names, &mut examples)?;
    read_headings(&seeds.join(HEADINGS), &names, &mut examples)?;
    examples.retain(|e| !e.text.trim().is_empty() && e.right.iter().any(|r| !r.is_empty()));
    Ok(examples)
}

/// Reads every seed file.
///
/// # Errors
/// A file is not what it should be.
pub(crate) fn seeds(dir: &Path, labels: &Labels) -> Result<Vec<Example>, Error> {
    let mut seeds = Vec::new();
    read_seeds(dir, &Names::of(labels), &mut seeds)?;
    Ok(seeds)
}

/// Reads the titles of ours, whose files are named after their category.
fn read_headings(dir: &Path, names: &Names<'_>, examples: &mut Vec<Example>) -> Result<(), Error> {
    if !dir.exists() {
        return Ok(());
    }
    for file in files(dir, "txt")? {
        let category = file.file_stem().unwrap_or_default().to_string_lossy();
        let right = names.find(Head::LetterCategory, [&*category]);
        if right.is_empty() {
            let what = format!("{category} is no category of letters");
            return Err(Error::content(&file, what, "name the file after a category"));
        }
        let titles = std::fs::read_to_string(&file).map_err(Error::file(&file))?;
        for title in titles.lines() {
            let mut example = Example::new(title.to_owned(), Source::Heading);
            example.knows(Head::LetterCategory, right.clone(), HEADING_WEIGHT);
            examples.push(example);
        }
    }
    Ok(())
}

/// The files of a folder with an extension, by name.
fn files(dir: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .map_err(Error::file(dir))?
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    Ok(files)
}

/// What a person said about the caller's words.
pub(crate) fn correction(text: &str, given: &[(Head, String)], labels: &Labels) -> Example {
    let names = Names::of(labels);
    let mut example = Example::new(text.to_owned(), Source::Seed);
    for (head, name) in given {
        let right = names.find(*head, [name.as_str()]);
        // Of several names for one thing the classifier knows one.
        if !right.is_empty() {
            example.knows(*head, right, 1.0);
        }
    }
    example
}

fn read_seeds(dir: &Path, names: &Names<'_>, examples: &mut Vec<Example>) -> Result<(), Error> {
    for file in files(dir, "tsv")? {
        // A seed teaches what its file has columns for. Who calls for help teaches nothing about topics
        // and types, and what was written to be told from them nothing about topics.
        let header = std::fs::read_to_string(&file).map_err(Error::file(&file))?;
        let header = header.lines().next().unwrap_or_default();
        // A misspelt column would be one that is not there.
        if let Some(name) = header.split('\t').find(|name| !SEED_COLUMNS.contains(name)) {
            let what = format!("{name} is no column of a seed");
            let remedy = "use text, type, category, category_2, urgency, emergency and department";
            return Err(Error::content(&file, what, remedy));
        }
        let has = |column: &str| header.split('\t').any(|name| name == column);
        let cells = |column| -> Result<Option<Vec<[String; 1]>>, Error> {
            has(column).then(|| columns(&file, [column], b'\t')).transpose()
        };
        let taught = [
            cells("type")?,
            cells("category")?,
            cells("urgency")?,
            cells("emergency")?,
            cells("department")?,
        ];
        let below = cells("category_2")?;
        for (row, [text]) in columns(&file, ["text"], b'\t')?.into_iter().enumerate() {
            let [kind, category, urgency, emergency, department] =
                taught.each_ref().map(|cells| cells.as_ref().map(|cells| cells[row][0].as_str()));
            let second = category.zip(below.as_ref().map(|cells| cells[row][0].as_str()));
            let second = second.map(|(first, second)| format!("{first}/{second}"));
            let called = emergency.is_some_and(|kind| kind != NO_EMERGENCY);
            // Of what a department is called for, some is an emergency, and nobody wrote down which.
            let emergency = emergency.or(department.is_none().then_some(NO_EMERGENCY));
            let mut example = Example::new(text, Source::Seed);
            for (head, name) in [
                (Head::Type, kind),
                (Head::Category, category),
                (Head::Subcategory, second.as_deref()),
                (Head::Urgency, urgency.or(called.then(|| Urgency::Critical.name()))),
                (Head::Emergency, emergency),
                (Head::Dispatch, department),
            ] {
                let Some(name) = name else { continue };
                let right = names.find(head, [name]);
                if right.is_empty() {
                    let what = format!("row {}: {name} is no label", row + 2);
                    return Err(Error::content(&file, what, "correct the seed or labels.toml"));
                }
                // There are three of each, and letters are to tell topics as well.
                let weight = if head == Head::Category { 0.5 } else { 1.0 };
                example.knows(head, right, weight);
            }
            example.knows(Head::Style, vec![SPOKEN], 1.0);
            examples.push(example);
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_column_is_refused_and_not_passed_over() {
        let dir = std::env::temp_dir().join(format!("seeds-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let labels =
            Labels { departments: Vec::new(), categories: Vec::new(), offices: Vec::new() };
        let told = |text: &str| {
            std::fs::write(dir.join("a.tsv"), text).unwrap();
            seeds(&dir, &labels)
        };
        let calls = told("text\temergency\n着火了快来\tfire\n").unwrap();
        let critical = vec![Urgency::Critical as usize];
        assert_eq!(calls[0].right[Head::Urgency as usize], critical);
        assert!(calls[0].right[Head::Type as usize].is_empty());
        let error = told("text\turgncy\n路灯坏了\t一般\n").unwrap_err().to_string();
        assert!(error.contains("a.tsv") && error.contains("urgncy"), "{error}");
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn titles_of_ours_teach_the_category_that_their_file_is_named_after() {
        let dir = std::env::temp_dir().join(format!("titles-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/nlu/labels.toml");
        let labels = Labels::load(&model).unwrap();
        let names = Names::of(&labels);
        let read = || {
            let mut examples = Vec::new();
            read_headings(&dir, &names, &mut examples).map(|()| examples)
        };
        std::fs::write(dir.join("交通运输.txt"), "咨询网约车驾驶员证怎么考\n").unwrap();
        let [title] = &read().unwrap()[..] else { panic!("one title") };
        let taught = Head::ALL.into_iter().filter(|head| title.weights[*head as usize] > 0.0);
        assert_eq!(taught.collect::<Vec<_>>(), [Head::LetterCategory]);
        std::fs::write(dir.join("交通.txt"), "公交车不到站\n").unwrap();
        let error = read().unwrap_err().to_string();
        assert!(error.contains("交通.txt"), "{error}");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
