//! Tables for spreadsheets: CSV and XLSX of the same cells. Text is never a formula, numbers are numbers.

use nhipcau_conference::attendance::{csv, safe_cell};
use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::Refusal;

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    /// A number with that many decimals.
    Number(f64, u8),
    Empty,
}

impl Cell {
    /// A number that may be missing.
    pub(crate) fn maybe(number: Option<f64>, decimals: u8) -> Self {
        number.map_or(Self::Empty, |number| Self::Number(number, decimals))
    }
}

/// A table with its head.
pub(crate) struct Sheet {
    /// Name of the worksheet.
    pub(crate) name: &'static str,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Sheet {
    /// As CSV: decimals with a point, whatever the language, because programs read it too.
    pub(crate) fn csv(&self) -> String {
        let mut table = vec![self.head.clone()];
        table.extend(self.rows.iter().map(|row| {
            row.iter()
                .map(|cell| match cell {
                    Cell::Text(text) => safe_cell(text),
                    Cell::Number(number, decimals) => {
                        format!("{number:.*}", usize::from(*decimals))
                    }
                    Cell::Empty => String::new(),
                })
                .collect()
        }));
        csv(&table)
    }

    /// As a workbook; thousands of rows take a moment, so not on the threads that serve everyone.
    ///
    /// # Errors
    /// `internal`.
    pub(crate) async fn xlsx(self) -> Result<Vec<u8>, Refusal> {
        tokio::task::spawn_blocking(move || self.workbook())
            .await
            .map_err(|error| Refusal::new("internal", error.to_string()))?
            .map_err(|error| Refusal::new("internal", error.to_string()))
    }

    fn workbook(&self) -> Result<Vec<u8>, XlsxError> {
        let mut workbook = Workbook::new();
        let head = Format::new().set_bold().set_text_wrap();
        let formats = [0_u8, 1, 2, 3].map(|decimals| {
            Format::new().set_num_format(match decimals {
                0 => "#,##0",
                1 => "#,##0.0",
                2 => "#,##0.00",
                _ => "#,##0.000",
            })
        });
        let sheet = workbook.add_worksheet();
        sheet.set_name(self.name)?;
        sheet.set_freeze_panes(1, 1)?;
        for (column, title) in (0_u16..).zip(&self.head) {
            sheet.write_string_with_format(0, column, title, &head)?;
        }
        for (row, cells) in (1_u32..).zip(&self.rows) {
            for (column, cell) in (0_u16..).zip(cells) {
                match cell {
                    Cell::Text(text) => sheet.write_string(row, column, safe_cell(text))?,
                    Cell::Number(number, decimals) => {
                        let format = &formats[usize::from(*decimals).min(3)];
                        sheet.write_number_with_format(row, column, *number, format)?
                    }
                    Cell::Empty => continue,
                };
            }
        }
        sheet.autofit();
        workbook.save_to_buffer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_formula_and_a_number_is_one() {
        let sheet = Sheet {
            name: "x",
            head: vec!["a".into(), "b".into()],
            rows: vec![vec![
                Cell::Text("=cmd|' /C calc'!A0".into()),
                Cell::Number(-1.25, 1),
            ]],
        };
        let text = sheet.csv();
        assert!(text.contains("'=cmd"), "{text}");
        assert!(text.ends_with("-1.2\r\n"), "{text}");
    }
}
