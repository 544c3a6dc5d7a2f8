//! The classifier alone, on a table of labelled texts.

use std::path::Path;

use ::nlu::classifier::Head;
use ::nlu::eval::{Evaluation, LabelMap, Options, Row, evaluate};
use ::nlu::{Classifier, Understanding};
use anyhow::{Context, anyhow};

use crate::call::load_city;
use crate::cli::{EvalNlu, Global};
use crate::config::Setting;
use crate::exit::{self, OrExit};
use crate::table::Table;
use crate::{classifiers, print_json, print_text};

/// Measures one head on a file.
///
/// # Errors
/// A file or a column that is not there, or a label that the head does not have.
pub fn run(global: &Global, setting: &Setting, ask: &EvalNlu) -> anyhow::Result<u8> {
    let folder = classifiers::in_use(setting)?;
    let classifier = Classifier::load(&folder).or_exit(exit::MODEL)?;
    let map = ask
        .map
        .as_deref()
        .map(LabelMap::load)
        .transpose()
        .or_exit(exit::INPUT)?
        .unwrap_or_default();
    let rows = rows(&ask.input, &ask.text_columns, &ask.label_column).or_exit(exit::INPUT)?;
    let options = Options { head: head(&ask.head)?, restrict: ask.restrict, map };
    let labels = classifier.labels();
    let result = match options.head {
        // Emergencies are heard by the city's words and the classifier together.
        Head::Emergency => {
            let city = load_city(&setting.city)?;
            let understanding =
                Understanding::load(&folder, &setting.city, &city.code).or_exit(exit::CONFIG)?;
            let judge = |parts: &[&str]| understanding.emergency_probabilities(&parts.join("。"));
            evaluate(labels, &rows, &options, judge)
        }
        head => evaluate(labels, &rows, &options, |parts| classifier.probabilities(parts, head)),
    };
    let result = result.or_exit(exit::INPUT)?;
    if let Some(path) = &ask.plot {
        std::fs::write(path, result.to_svg())
            .with_context(|| format!("{}: cannot be written", path.display()))?;
    }
    if global.json {
        return print_json(
            &serde_json::to_value(&result).context("an evaluation always serialises")?,
        );
    }
    print_text(&text(&result))
}

fn head(name: &str) -> anyhow::Result<Head> {
    Head::from_name(name).ok_or_else(|| {
        let known = Head::ALL.map(Head::name).join(", ");
        anyhow!("{name:?} is no head of the classifier; it has {known}")
    })
}

fn rows(path: &Path, text_columns: &[String], label_column: &str) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    let header =
        reader.headers().with_context(|| format!("{}: no CSV header", path.display()))?.clone();
    let column = |name: &str| {
        let names = || {
            header.iter().map(|h| h.trim_start_matches('\u{feff}')).collect::<Vec<_>>().join(", ")
        };
        let at = header.iter().position(|h| h.trim_start_matches('\u{feff}') == name);
        at.with_context(|| format!("{}: no column {name:?}; it has {}", path.display(), names()))
    };
    let texts = text_columns.iter().map(|name| column(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let label = column(label_column)?;
    reader
        .records()
        .map(|record| {
            let record = record.with_context(|| format!("{}: not a CSV file", path.display()))?;
            let parts = texts.iter().filter_map(|at| record.get(*at)).map(str::to_owned);
            Ok(Row {
                parts: parts.filter(|part| !part.trim().is_empty()).collect(),
                label: record.get(label).unwrap_or("").trim().to_owned(),
            })
        })
        .filter(|row| row.as_ref().map_or(true, |row| !row.label.is_empty()))
        .collect()
}

fn text(result: &Evaluation) -> String {
    let mut sums = Table::new(&["measure", ">value"]);
    for (name, value) in [
        ("accuracy", result.accuracy),
        ("macro-F1", result.macro_f1),
        ("right label among the best three", result.top3),
        ("expected calibration error", result.ece),
        ("accuracy on the surest 80 %", result.accuracy_at_80),
    ] {
        sums.row([name.to_owned(), format!("{value:.3}")]);
    }
    let mut confusion = Table::new(
        &std::iter::once("right ↓  given →".to_owned())
            .chain(result.labels.iter().map(|label| format!(">{label}")))
            .chain([">other".to_owned(), ">F1".to_owned()])
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    for ((label, counts), f1) in result.labels.iter().zip(&result.confusion).zip(&result.f1) {
        let cells = counts.iter().map(usize::to_string);
        confusion.row(std::iter::once(label.clone()).chain(cells).chain([format!("{f1:.3}")]));
    }
    format!("{sums}{} rows\n\n{confusion}", result.rows)
}
