//! Error rates by condition and model: a table to read, a picture to look at.

use std::collections::BTreeMap;
use std::fmt::Write;

use ::asr::cer::{self, Count};

use super::asr::{Row, Sound};
use super::percent;
use crate::table::Table;

/// The counts of every model, one list a condition, and all together.
pub(super) struct ByCondition<'a> {
    /// Models in the order of the command, a peer after its model.
    models: Vec<String>,
    /// Name of the condition, and a list of counts for each model.
    rows: Vec<(&'a str, Vec<Vec<Count>>)>,
}

impl<'a> ByCondition<'a> {
    /// Sorts what was counted: `measured` has one count a sound, in the order of `sounds`.
    pub(super) fn of(sounds: &'a [Sound], measured: &[Row]) -> ByCondition<'a> {
        let (mut models, mut counted) = (Vec::new(), Vec::new());
        for (name, ours, peer) in measured {
            models.push(name.clone());
            counted.push(&ours.counts);
            if let Some(peer) = peer {
                models.push(format!("{name}, peer"));
                counted.push(&peer.counts);
            }
        }
        let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, sound) in sounds.iter().enumerate() {
            places.entry(&sound.condition).or_default().push(index);
        }
        let rows = places.into_iter().map(|(name, indices)| {
            let of = |counts: &&Vec<Count>| indices.iter().map(|i| counts[*i]).collect();
            (if name.is_empty() { "(none)" } else { name }, counted.iter().map(of).collect())
        });
        let mut rows: Vec<(&str, Vec<Vec<Count>>)> = rows.collect();
        if rows.len() > 1 {
            rows.push(("all", counted.iter().map(|counts| counts.to_vec()).collect()));
        }
        ByCondition { models, rows }
    }

    /// Whether there is more than one condition.
    pub(super) fn several(&self) -> bool {
        self.rows.len() > 1
    }

    /// One row a condition; a rate and its interval for every model.
    pub(super) fn to_table(&self) -> Table {
        let mut heads = vec!["condition".to_owned(), ">sounds".into(), ">characters".into()];
        for model in &self.models {
            heads.extend([format!(">{model}"), ">95 % interval".into(), ">invented".into()]);
        }
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        let mut table = Table::new(&heads);
        for (name, models) in &self.rows {
            let first: Count = models[0].iter().copied().sum();
            let mut cells =
                vec![(*name).to_owned(), models[0].len().to_string(), first.characters.to_string()];
            for counts in models {
                let total: Count = counts.iter().copied().sum();
                cells.extend(percent(total.rate(), cer::interval(counts)));
                cells.push(total.invented.to_string());
            }
            table.row(cells);
        }
        table
    }

    /// A list of conditions, each with a list of models.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let one = |(name, models): &(&str, Vec<Vec<Count>>)| {
            let models = self.models.iter().zip(models).map(|(model, counts)| {
                let total: Count = counts.iter().copied().sum();
                serde_json::json!({
                    "model": model,
                    "cer": total.rate(),
                    "interval": cer::interval(counts).map(|(low, high)| [low, high]),
                    "characters": total.characters,
                    "invented": total.invented,
                    "files": counts.len(),
                })
            });
            serde_json::json!({ "condition": name, "models": models.collect::<Vec<_>>() })
        };
        self.rows.iter().map(one).collect()
    }

    /// An SVG: a line a condition, a dot a model with its 95 % interval.
    pub(super) fn to_svg(&self) -> String {
        let line = ROW * (self.models.len() as f64 + 0.6);
        let (width, bottom) = (LEFT + WIDE + 120.0, TOP + line * self.rows.len() as f64);
        let rates = self.rows.iter().flat_map(|(_, models)| models.iter().map(|c| span(c)));
        let most = rates.flatten().map(|(_, _, high)| high).fold(0.05, f64::max);
        let most = (most * 20.0).ceil() / 20.0;
        let x = |rate: f64| LEFT + WIDE * rate / most;
        let mut svg = String::new();
        let mut put = |text: std::fmt::Arguments<'_>| {
            writeln!(svg, "{text}").expect("writing to a String does not fail");
        };
        put(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {0}\" width=\"{width}\" \
             height=\"{0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
             <text x=\"{LEFT}\" y=\"20\">character error rate, 95 % interval</text>",
            bottom + 40.0
        ));
        for tick in 0..=5 {
            let rate = most * f64::from(tick) / 5.0;
            put(format_args!(
                "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\" stroke=\"#dddddd\"/>\n\
                 <text x=\"{0:.1}\" y=\"{1:.1}\" text-anchor=\"middle\">{2:.0} %</text>",
                x(rate),
                bottom + 16.0,
                100.0 * rate
            ));
        }
        for (number, (name, models)) in self.rows.iter().enumerate() {
            let top = TOP + line * number as f64;
            put(format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 10.0,
                top + line / 2.0 + 4.0,
                escaped(name)
            ));
            for (model, counts) in models.iter().enumerate() {
                let Some((low, rate, high)) = span(counts) else { continue };
                let (y, colour) =
                    (top + ROW * (model as f64 + 0.8), COLOURS[model % COLOURS.len()]);
                put(format_args!(
                    "<line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
                     <circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>\n\
                     <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{:.1} {}</text>",
                    x(low),
                    x(high),
                    x(rate),
                    x(high) + 6.0,
                    y + 4.0,
                    100.0 * rate,
                    escaped(&self.models[model])
                ));
            }
        }
        put(format_args!("</svg>"));
        svg
    }
}

/// The picture's measures in pixels: names of conditions, bars, head, and one model's row.
const LEFT: f64 = 170.0;
const WIDE: f64 = 460.0;
const TOP: f64 = 34.0;
const ROW: f64 = 18.0;
/// One colour a model; told apart without red and green.
const COLOURS: [&str; 5] = ["#1f5fa8", "#c2570c", "#6b4fa0", "#00727a", "#555555"];

/// Lower end, rate and upper end.
fn span(counts: &[Count]) -> Option<(f64, f64, f64)> {
    let rate = counts.iter().copied().sum::<Count>().rate()?;
    let (low, high) = cer::interval(counts)?;
    Some((low, rate, high))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
