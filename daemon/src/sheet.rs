//! Tables of text, written as CSV that no spreadsheet program takes for formulas, and as lines that no terminal takes for orders.

/// A table: names of its columns, and rows of as many cells.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sheet {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// A table without rows.
    #[must_use]
    pub fn new(columns: &[&str]) -> Self {
        Self {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// CSV (RFC 4180), UTF-8. A cell that a spreadsheet would take for a formula begins with an apostrophe.
    #[must_use]
    pub fn csv(&self) -> String {
        let mut out = String::new();
        for row in std::iter::once(&self.columns).chain(&self.rows) {
            let cells: Vec<String> = row.iter().map(|cell| quoted(&unarmed(cell))).collect();
            out.push_str(&cells.join(","));
            out.push_str("\r\n");
        }
        out
    }

    /// Columns padded to one width, for a terminal.
    #[must_use]
    pub fn text(&self) -> String {
        let lines: Vec<Vec<String>> = std::iter::once(&self.columns)
            .chain(&self.rows)
            .map(|row| row.iter().map(|cell| shown(cell)).collect())
            .collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|n| {
                let cells = lines.iter().filter_map(|line| line.get(n));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for line in lines {
            let mut text = String::new();
            for (cell, width) in line.iter().zip(&widths) {
                let gap = width - cell.chars().count() + 2;
                text.push_str(cell);
                text.extend(std::iter::repeat_n(' ', gap));
            }
            out.push_str(text.trim_end());
            out.push('\n');
        }
        out
    }

    /// Each row as an object by the names of the columns.
    #[must_use]
    pub fn objects(&self) -> serde_json::Value {
        let object = |row: &Vec<String>| {
            let members = self
                .columns
                .iter()
                .cloned()
                .zip(row.iter().map(|cell| cell.as_str().into()));
            serde_json::Value::Object(members.collect())
        };
        self.rows.iter().map(object).collect()
    }
}

/// Text of a device for a terminal: no controls (an escape sequence could write into the title or the clipboard), no marks that turn the
/// direction, one line.
#[must_use]
pub fn shown(text: &str) -> String {
    crate::app::plain(text)
}

fn unarmed(cell: &str) -> String {
    let plain = shown(cell);
    // OWASP: the signs with which spreadsheet programs begin a formula; a plain negative number is none.
    let armed = plain.starts_with(['=', '+', '-', '@', '|', '%']) && plain.parse::<f64>().is_err();
    if armed { format!("'{plain}") } else { plain }
}

fn quoted(cell: &str) -> String {
    if cell.contains(['"', ',', '\n', '\r', ';', '\'']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_devices_say_is_neither_formula_nor_order() {
        let mut sheet = Sheet::new(&["name", "note"]);
        for evil in [
            "=cmd|'/c calc'!A1",
            "+1+1",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "a\u{1b}]0;title\u{7}\u{1b}[2J",
            "abc\u{202e}gpj.exe",
            "one\r\ntwo",
        ] {
            sheet.rows.push(vec![evil.to_owned(), "-5".to_owned()]);
        }
        let csv = sheet.csv();
        for line in csv.lines().skip(1) {
            let cell = line.trim_start_matches('"').trim_start();
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{line}");
            assert!(line.ends_with(",-5"), "{line}");
        }
        assert_eq!(csv.lines().count(), 9);
        let text = sheet.text();
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{text:?}"
        );
        assert!(!text.contains('\u{202e}'));
        assert_eq!(text.lines().count(), 9);
    }
}
