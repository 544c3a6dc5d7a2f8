//! The evaluation as a picture: coverage against risk, and confidence against accuracy.

use std::fmt::Write;

use super::Evaluation;

/// Side of one square diagram, and the margin around it, in pixels.
const SIDE: f64 = 300.0;
const MARGIN: f64 = 56.0;

impl Evaluation {
    /// An SVG of two diagrams: risk over coverage, accuracy over confidence.
    pub fn to_svg(&self) -> String {
        let (width, height) = (2.0 * SIDE + 3.0 * MARGIN, SIDE + 2.0 * MARGIN);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        let most = self.coverage_risk.iter().map(|c| c.risk).fold(0.02, f64::max);
        let left = Diagram { x: MARGIN, most_y: (most * 50.0).ceil() / 50.0 };
        left.frame(&mut svg, "coverage", "risk");
        left.line(&mut svg, self.coverage_risk.iter().map(|c| (c.coverage, c.risk)), "#1f5fa8");
        let right = Diagram { x: SIDE + 2.0 * MARGIN, most_y: 1.0 };
        right.frame(&mut svg, "confidence", "accuracy");
        right.line(&mut svg, [(0.0, 0.0), (1.0, 1.0)].into_iter(), "#bbbbbb");
        right.line(
            &mut svg,
            self.reliability.iter().map(|b| (b.confidence, b.accuracy)),
            "#b8431f",
        );
        for bin in &self.reliability {
            let (x, y) = right.at(bin.confidence, bin.accuracy);
            let size = 2.0 + 8.0 * (bin.rows as f64 / self.rows as f64).sqrt();
            line(
                &mut svg,
                format_args!(
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{size:.1}\" fill=\"#b8431f\"/>"
                ),
            );
        }
        line(
            &mut svg,
            format_args!(
                "<text x=\"{MARGIN}\" y=\"24\">{} rows, accuracy {:.3}, macro-F1 {:.3}, ECE {:.3}</text>\n</svg>",
                self.rows, self.accuracy, self.macro_f1, self.ece
            ),
        );
        svg
    }
}

/// One square with axes: x from 0 to 1, y from 0 to `most_y`.
struct Diagram {
    x: f64,
    most_y: f64,
}

impl Diagram {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x + SIDE * x, MARGIN + SIDE * (1.0 - y / self.most_y))
    }

    fn frame(&self, svg: &mut String, x_name: &str, y_name: &str) {
        line(
            svg,
            format_args!(
                "<rect x=\"{}\" y=\"{MARGIN}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"#444444\"/>",
                self.x
            ),
        );
        for tick in 0..=4 {
            let share = f64::from(tick) / 4.0;
            let (x, bottom) = self.at(share, 0.0);
            let (left, y) = self.at(0.0, share * self.most_y);
            line(
                svg,
                format_args!(
                    "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{share:.2}</text>",
                    bottom + 16.0
                ),
            );
            line(
                svg,
                format_args!(
                    "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.2}</text>",
                    left - 4.0,
                    y + 4.0,
                    share * self.most_y
                ),
            );
        }
        let (middle, bottom) = self.at(0.5, 0.0);
        line(
            svg,
            format_args!(
                "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x_name}</text>",
                bottom + 36.0
            ),
        );
        line(
            svg,
            format_args!(
                "<text x=\"{:.1}\" y=\"{:.1}\">{y_name}</text>",
                self.x + 6.0,
                MARGIN + 16.0
            ),
        );
    }

    fn line(&self, svg: &mut String, points: impl Iterator<Item = (f64, f64)>, colour: &str) {
        let points: Vec<String> = points
            .map(|(x, y)| {
                let (x, y) = self.at(x, y);
                format!("{x:.1},{y:.1}")
            })
            .collect();
        line(
            svg,
            format_args!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                points.join(" ")
            ),
        );
    }
}

fn line(svg: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(svg, "{text}").expect("writing to a String does not fail");
}
