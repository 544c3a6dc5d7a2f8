//! Tables for a terminal. Chinese characters are two columns wide, so widths are
//! measured in columns, never in characters.

use std::fmt;

use unicode_width::UnicodeWidthStr;

/// A table: a header and rows of equal length, aligned by display width.
#[derive(Debug, Clone, Default)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// A table with these column titles; a title that begins with `>` is right-aligned.
    pub fn new(header: &[&str]) -> Table {
        Table {
            right: header.iter().map(|title| title.starts_with('>')).collect(),
            header: header.iter().map(|title| title.trim_start_matches('>').to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; missing cells stay empty, superfluous ones are dropped.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut row: Vec<String> = cells.into_iter().map(Into::into).collect();
        row.resize(self.header.len(), String::new());
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| {
                let cells = self.rows.iter().map(|row| row[column].width());
                cells.chain([self.header[column].width()]).max().unwrap_or(0)
            })
            .collect();
        let line = |f: &mut fmt::Formatter<'_>, cells: &[String]| {
            let mut text = String::new();
            for (column, cell) in cells.iter().enumerate() {
                let gap = " ".repeat(widths[column] - cell.width());
                let (before, after) =
                    if self.right[column] { (gap, String::new()) } else { (String::new(), gap) };
                text.push_str(&format!("{before}{cell}{after}  "));
            }
            writeln!(f, "{}", text.trim_end())
        };
        line(f, &self.header)?;
        let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        line(f, &rule)?;
        self.rows.iter().try_for_each(|row| line(f, row))
    }
}

/// Cuts a text to so many columns, with an ellipsis where something was cut.
pub fn shorten(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut short = String::new();
    for ch in text.chars() {
        let mut longer = short.clone();
        longer.push(ch);
        if longer.width() + 1 > columns {
            break;
        }
        short = longer;
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_and_latin_cells_align() {
        let mut table = Table::new(&["部门", ">数"]);
        table.row(["区水务局", "3"]);
        table.row(["A", "12"]);
        let lines: Vec<String> = table.to_string().lines().map(str::to_owned).collect();
        assert_eq!(lines, ["部门      数", "────────  ──", "区水务局   3", "A         12"]);
    }

    #[test]
    fn shortening_counts_columns() {
        assert_eq!(shorten("夜间烧烤油烟", 7), "夜间烧…");
        assert_eq!(shorten("abc", 3), "abc");
    }
}
