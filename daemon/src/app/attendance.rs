//! Attendance: intervals for pages, tables for spreadsheets.

use nhipcau_conference::attendance::{self as report, Language as ReportLanguage, Report};
use nhipcau_conference::{ConferenceId, InvitedSite};
use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::{App, Refusal};
use crate::http::views::{Attendance, Language};

/// Attendance and its exports.
pub struct AttendanceDesk<'a> {
    pub(super) app: &'a App,
}

impl AttendanceDesk<'_> {
    /// All intervals of a conference, by occurrence and joining.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn list(&self, id: i64) -> Result<Vec<Attendance>, Refusal> {
        let id = self.known(id)?;
        let rows = self.app.store().attendance().list(id).await?;
        Ok(rows
            .into_iter()
            .map(|row| Attendance {
                site: row.entry.site.to_string(),
                site_name: row.entry.site_name,
                participant: row.entry.participant,
                role: row.entry.role,
                joined_at: row.entry.joined_at,
                left_at: row.entry.left_at,
                reason: row.entry.reason.map(Into::into),
            })
            .collect())
    }

    fn known(&self, id: i64) -> Result<ConferenceId, Refusal> {
        let entry = self.app.bookings().entry(ConferenceId(id));
        Ok(entry
            .ok_or_else(|| Refusal::new("not_found", "no such conference"))?
            .id)
    }

    /// The report; invited sites that never came are in it.
    async fn report(&self, id: ConferenceId) -> Result<Report, Refusal> {
        let bookings = self.app.bookings();
        let names = bookings.site_names().await?;
        let invited: Vec<InvitedSite> = bookings
            .entry(id)
            .iter()
            .flat_map(|entry| entry.booking.all_sites())
            .map(|site| InvitedSite {
                site: site.clone(),
                name: names
                    .get(site.as_str())
                    .map_or(site.as_str(), String::as_str)
                    .to_owned(),
            })
            .collect();
        let rows = self.app.store().attendance().list(id).await?;
        let entries = rows.into_iter().map(|row| row.entry).collect();
        Ok(report::report(entries, &invited, self.app.now()))
    }

    fn language(&self) -> ReportLanguage {
        match self.app.settings().language {
            Language::Vi => ReportLanguage::Vi,
            Language::En => ReportLanguage::En,
        }
    }

    /// The stays as CSV, UTF-8 with a byte-order mark, cells safe against formulas.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn csv(&self, id: i64) -> Result<String, Refusal> {
        let report = self.report(self.known(id)?).await?;
        Ok(report::csv(&report::stay_table(
            &report,
            &self.app.settings().zone,
            self.language(),
        )))
    }

    /// Sites and stays as a workbook; every cell is text or a number of ours, never a formula.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn xlsx(&self, id: i64) -> Result<Vec<u8>, Refusal> {
        let report = self.report(self.known(id)?).await?;
        let (zone, language) = (self.app.settings().zone.clone(), self.language());
        let names = match language {
            ReportLanguage::Vi => ["Điểm cầu", "Lượt tham dự"],
            ReportLanguage::En => ["Sites", "Stays"],
        };
        let tables = [
            report::site_table(&report, &zone, language),
            report::stay_table(&report, &zone, language),
        ];
        // Thousands of rows take a moment: not on the threads that serve everyone.
        tokio::task::spawn_blocking(move || workbook(names, &tables))
            .await
            .map_err(|error| Refusal::new("internal", error.to_string()))?
            .map_err(|error| Refusal::new("internal", error.to_string()))
    }
}

/// Minutes, people and drops stand from this column of the sites' table on.
const FIRST_FIGURE: u16 = 3;

fn workbook(names: [&str; 2], tables: &[Vec<Vec<String>>; 2]) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let head = Format::new().set_bold().set_text_wrap();
    for (name, table) in names.into_iter().zip(tables) {
        let sheet = workbook.add_worksheet();
        sheet.set_name(name)?;
        sheet.set_freeze_panes(1, 0)?;
        for (row, cells) in (0_u32..).zip(table) {
            for (column, cell) in (0_u16..).zip(cells) {
                // Only our own figures are numbers: a participant called "0235" keeps the zero.
                let figure = if name == names[0] && column >= FIRST_FIGURE {
                    cell.parse::<u32>().ok()
                } else {
                    None
                };
                match (row, figure) {
                    (0, _) => sheet.write_string_with_format(row, column, cell, &head)?,
                    (_, Some(number)) => sheet.write_number(row, column, number)?,
                    _ => sheet.write_string(row, column, cell)?,
                };
            }
        }
        sheet.autofit();
    }
    workbook.save_to_buffer()
}
