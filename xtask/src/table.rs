//! Small tables, aligned for a terminal or written as Markdown.

use std::fmt::Write as _;

/// Rows of text under a head. The first columns are aligned left, all others right.
pub struct Table {
    left: usize,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows, the first `left` columns of which hold words.
    pub fn new(left: usize, head: &[&str]) -> Self {
        Self { left, head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// Adds a row, which has as many cells as the head.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as aligned text.
    pub fn text(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        for row in std::iter::once(&self.head).chain(&self.rows) {
            let cells = self.aligned(row, &widths);
            let _ = writeln!(text, "{}", cells.join("  ").trim_end());
        }
        text
    }

    /// The table as Markdown.
    pub fn markdown(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        text.push_str(&line(self.aligned(&self.head, &widths)));
        let rule = widths.iter().enumerate().map(|(column, &width)| {
            let words = column < self.left;
            let dashes = "-".repeat(width.max(3) - usize::from(!words));
            if words { dashes } else { dashes + ":" }
        });
        text.push_str(&line(rule.collect()));
        for row in &self.rows {
            text.push_str(&line(self.aligned(row, &widths)));
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column| {
            let cells = std::iter::once(&self.head).chain(&self.rows).filter_map(|row| row.get(column));
            cells.map(|cell: &String| cell.chars().count()).max().unwrap_or(0)
        };
        (0..self.head.len()).map(width).collect()
    }

    fn aligned(&self, row: &[String], widths: &[usize]) -> Vec<String> {
        let cell = |(column, (cell, &width)): (usize, (&String, &usize))| {
            if column < self.left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        };
        row.iter().zip(widths).enumerate().map(cell).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(1, &["run", "gets"]);
        table.row(vec!["cold".into(), "1,135".into()]);
        assert_eq!(table.text(), "run    gets\ncold  1,135\n");
        assert_eq!(table.markdown(), "| run  |  gets |\n| ---- | ----: |\n| cold | 1,135 |\n");
    }
}
