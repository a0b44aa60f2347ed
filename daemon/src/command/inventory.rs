//! `inventory …`: what is there and how it changed, asked of the running daemon over its control socket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use nhipcau::config::Config;
use nhipcau::control::{self, InventoryQuery, Request};
use nhipcau::sheet::{Sheet, shown};
use serde_json::Value;

use super::line::Line;
use crate::edge::{EXIT_UNAVAILABLE, EXIT_USAGE, fail, lines, print, with_runtime};

pub(super) const HELP: &str = "\
  nhipcau inventory scan                  look for devices in the configured ranges, to the end, and print what was found
  nhipcau inventory list                  the watched devices
  nhipcau inventory show DEVICE           one device and what changed on it
  nhipcau inventory diff --since 7d|DATE [--until DATE]    what changed between two moments
  nhipcau inventory export [--output DIR] NetBox's import tables: CSV files in DIR, or JSON
      each with --format table|json|csv and, beside the simulated province, --lab
";

/// How often the end of a scan is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Table,
    Json,
    Csv,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Scan,
    List,
    Show(String),
    Diff(String, String),
    Export(Option<PathBuf>),
}

/// `nhipcau inventory …`.
#[derive(Debug)]
pub(crate) struct Inventory {
    config: Option<PathBuf>,
    lab: bool,
    format: Format,
    what: What,
}

impl Inventory {
    pub(super) fn read(words: &[&str], line: &mut Line) -> Result<Self, String> {
        let text = |value: std::ffi::OsString| {
            value
                .into_string()
                .map_err(|_| "that is no text".to_owned())
        };
        let mut value = |name| line.value(name).map(text).transpose();
        let (since, until, output) = (value("since")?, value("until")?, value("output")?);
        let format = match value("format")?.as_deref() {
            None | Some("table") => Format::Table,
            Some("json") => Format::Json,
            Some("csv") => Format::Csv,
            // The one shape that an export has.
            Some("netbox") if words == ["export"] => Format::Table,
            Some(_) => return Err("--format is table, json or csv".into()),
        };
        let what = match words {
            ["scan"] => What::Scan,
            ["list"] => What::List,
            ["show", device] => What::Show((*device).to_owned()),
            ["diff"] => {
                let now = jiff::Timestamp::now();
                let since = moment(
                    since
                        .as_deref()
                        .ok_or("diff needs --since, such as 7d or 2026-11-01")?,
                    now,
                )?;
                let until = until.as_deref().map_or(Ok(now), |text| moment(text, now))?;
                if since >= until {
                    return Err("--since lies after --until".into());
                }
                What::Diff(since.to_string(), until.to_string())
            }
            ["export"] => What::Export(output.as_ref().map(PathBuf::from)),
            _ => {
                return Err("inventory: scan, list, show DEVICE, diff --since WHEN, export".into());
            }
        };
        let belongs = |given: bool, option: &str, right: bool| {
            if given && !right {
                Err(format!("--{option} does not belong to these words"))
            } else {
                Ok(())
            }
        };
        let is_diff = matches!(what, What::Diff(..));
        belongs(until.is_some(), "until", is_diff)?;
        belongs(since.is_some(), "since", is_diff)?;
        belongs(output.is_some(), "output", matches!(what, What::Export(_)))?;
        Ok(Self {
            config: line.value("config").map(PathBuf::from),
            lab: line.flag("lab"),
            format,
            what,
        })
    }

    pub(super) fn carry_out(self) -> ExitCode {
        with_runtime(self.run())
    }

    async fn run(self) -> ExitCode {
        let path = self.config.as_deref();
        let config = if self.lab {
            Config::load_lab(path, String::new())
        } else {
            Config::load(path)
        };
        let state_dir = match config {
            Ok(config) => config.state_dir,
            Err(errors) => return fail(&lines(&errors), EXIT_USAGE),
        };
        match self.done(&state_dir).await {
            Ok(text) => print(&text),
            Err((text, code)) => fail(&text, code),
        }
    }

    async fn done(&self, state_dir: &Path) -> Result<String, (String, u8)> {
        let query = match &self.what {
            What::Scan => return self.scan(state_dir).await,
            What::List => InventoryQuery::List {},
            What::Show(device) => InventoryQuery::Show {
                device: device.clone(),
            },
            What::Diff(since, until) => InventoryQuery::Diff {
                since: since.clone(),
                until: until.clone(),
            },
            What::Export(_) => InventoryQuery::Export {},
        };
        let answer = ask(state_dir, query).await?;
        match &self.what {
            What::Export(output) => self.export(answer, output.as_deref()),
            What::Show(_) if self.format == Format::Table => Ok(describe(&answer)),
            What::Show(_) if self.format == Format::Csv => {
                Ok(rows(&list(&answer["history"]), CHANGES).csv())
            }
            What::Diff(..) => Ok(self.format(&net(list(&answer)), CHANGES)),
            _ => Ok(self.format(&list(&answer), DEVICES)),
        }
    }

    /// Scans to the end.
    async fn scan(&self, state_dir: &Path) -> Result<String, (String, u8)> {
        let before = ask(state_dir, InventoryQuery::Found {}).await?;
        ask(state_dir, InventoryQuery::Scan {}).await?;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let state = ask(state_dir, InventoryQuery::Found {}).await?;
            let begun = state["started_at"] != before["started_at"];
            // Findings are on disk a moment after the scan says that it is over.
            if begun && state["scanning"] == false && state["finished_at"].is_string() {
                tokio::time::sleep(LOOK_EVERY).await;
                let state = ask(state_dir, InventoryQuery::Found {}).await?;
                let found: Vec<Value> = list(&state["findings"])
                    .into_iter()
                    .filter(|row| row["ignored"] == false)
                    .collect();
                let mut text = self.format(&found, FINDINGS);
                if self.format == Format::Table {
                    let p = &state["progress"];
                    text.push_str(&format!(
                        "{} addresses, {} answered, {} new, {} credentials refused, {} left alone\n",
                        p["done"], p["answered"], p["new"], p["failures"], p["resting"]
                    ));
                }
                return Ok(text);
            }
        }
    }

    fn format(&self, all: &[Value], columns: &[Column]) -> String {
        match self.format {
            Format::Json => pretty(&Value::Array(all.to_vec())),
            Format::Csv => rows(all, columns).csv(),
            Format::Table => rows(all, columns).text(),
        }
    }

    fn export(&self, answer: Value, output: Option<&Path>) -> Result<String, (String, u8)> {
        let tables: Vec<(String, Sheet)> =
            serde_json::from_value(answer).map_err(|error| (error.to_string(), 1))?;
        let Some(folder) = output else {
            if self.format == Format::Csv {
                return Err((
                    "CSV is one file a table: name a folder with --output".into(),
                    EXIT_USAGE,
                ));
            }
            let all: serde_json::Map<String, Value> = tables
                .into_iter()
                .map(|(name, sheet)| (name, sheet.objects()))
                .collect();
            return Ok(pretty(&Value::Object(all)));
        };
        let fault = |error: std::io::Error| (format!("{}: {error}", folder.display()), 1);
        std::fs::create_dir_all(folder).map_err(fault)?;
        let mut said = String::new();
        for (n, (name, sheet)) in tables.iter().enumerate() {
            let json = self.format == Format::Json;
            let (end, text) = if json {
                ("json", pretty(&sheet.objects()))
            } else {
                ("csv", sheet.csv())
            };
            // Numbered in the order in which they must be imported.
            let path = folder.join(format!("{}-{name}.{end}", n + 1));
            std::fs::write(&path, text).map_err(fault)?;
            said.push_str(&format!("{} {} rows\n", path.display(), sheet.rows.len()));
        }
        Ok(said)
    }
}

/// Name of a column and where its value stands.
type Column = (&'static str, &'static str);

const DEVICES: &[Column] = &[
    ("id", "/id"),
    ("name", "/name"),
    ("address", "/address"),
    ("site", "/site_name"),
    ("kind", "/kind"),
    ("vendor", "/vendor"),
    ("model", "/model"),
    ("health", "/health"),
    ("profile", "/profile"),
];
const FINDINGS: &[Column] = &[
    ("address", "/address"),
    ("verdict", "/verdict"),
    ("name", "/identity/system_name"),
    ("vendor", "/identity/vendor"),
    ("model", "/identity/model"),
    ("serial", "/identity/serial"),
    ("profile", "/identity/profile"),
    ("credential", "/credential"),
    ("device", "/device"),
    ("same as", "/other_address"),
    ("refused by", "/refusals/0/reason/code"),
];
const CHANGES: &[Column] = &[
    ("at", "/at"),
    ("device", "/device"),
    ("what", "/kind"),
    ("of", "/subject"),
    ("old", "/old"),
    ("new", "/new"),
];

fn rows(all: &[Value], columns: &[Column]) -> Sheet {
    let names: Vec<&str> = columns.iter().map(|(name, _)| *name).collect();
    let mut sheet = Sheet::new(&names);
    for one in all {
        let cell = |(_, place): &Column| match one.pointer(place) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        };
        sheet.rows.push(columns.iter().map(cell).collect());
    }
    sheet
}

/// What is different at the end: changes of one fact joined, those that came back left out.
fn net(changes: Vec<Value>) -> Vec<Value> {
    let mut joined: BTreeMap<[String; 3], Value> = BTreeMap::new();
    for change in changes {
        let key = ["device", "kind", "subject"]
            .map(|name| change[name].as_str().unwrap_or_default().to_owned());
        joined
            .entry(key)
            .and_modify(|first| {
                first["new"] = change["new"].clone();
                first["at"] = change["at"].clone();
            })
            .or_insert(change);
    }
    let mut left: Vec<Value> = joined
        .into_values()
        .filter(|change| change.get("old") != change.get("new"))
        .collect();
    left.sort_by(|a, b| a["at"].as_str().cmp(&b["at"].as_str()));
    left
}

/// One device for a terminal.
fn describe(answer: &Value) -> String {
    const FACTS: [&str; 13] = [
        "id",
        "name",
        "address",
        "site_name",
        "kind",
        "vendor",
        "model",
        "serial",
        "version",
        "health",
        "profile",
        "sys_name",
        "sys_descr",
    ];
    let device = &answer["device"];
    let mut sheet = Sheet::new(&["fact", "value"]);
    for fact in FACTS {
        if let Some(text) = device[fact].as_str().filter(|text| !text.is_empty()) {
            sheet.rows.push(vec![fact.to_owned(), shown(text)]);
        }
    }
    for part in ["interfaces", "components", "sensors", "neighbours"] {
        let count = device[part].as_array().map_or(0, Vec::len);
        sheet.rows.push(vec![part.to_owned(), count.to_string()]);
    }
    let mut text = sheet.text();
    let history = list(&answer["history"]);
    if !history.is_empty() {
        text.push('\n');
        text.push_str(&rows(&history, CHANGES).text());
    }
    text
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

fn pretty(value: &Value) -> String {
    // JSON escapes controls by itself.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

async fn ask(state_dir: &Path, query: InventoryQuery) -> Result<Value, (String, u8)> {
    match control::ask(state_dir, &Request::Inventory { query }).await {
        Ok(response) if response.done => {
            let text = response.lines.first().map_or("null", String::as_str);
            serde_json::from_str(text).map_err(|error| (error.to_string(), 1))
        }
        Ok(response) => Err((response.lines.join("\n"), 1)),
        Err(error) => Err((
            format!("no nhipcau answers in {} ({error})", state_dir.display()),
            EXIT_UNAVAILABLE,
        )),
    }
}

/// `7d`, `12h`, `30m`, a date in this machine's time zone, or RFC 3339.
fn moment(text: &str, now: jiff::Timestamp) -> Result<jiff::Timestamp, String> {
    let wrong = || format!("{text}: write 7d, 12h, 30m, 2026-11-21 or 2026-11-21T08:00:00Z");
    if let Some((number, unit)) = text
        .split_at_checked(text.len().saturating_sub(1))
        .and_then(|(number, unit)| Some((number.parse::<i64>().ok()?, unit)))
    {
        let minutes = match unit {
            "d" => 24 * 60,
            "h" => 60,
            "m" => 1,
            _ => return Err(wrong()),
        };
        let back = number
            .checked_mul(minutes)
            .filter(|minutes| (0..=60 * 24 * 3_660).contains(minutes))
            .ok_or_else(wrong)?;
        return now
            .checked_sub(jiff::SignedDuration::from_mins(back))
            .map_err(|_| wrong());
    }
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(at);
    }
    let date: jiff::civil::Date = text.parse().map_err(|_| wrong())?;
    date.to_zoned(jiff::tz::TimeZone::system())
        .map(|zoned| zoned.timestamp())
        .map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_spans_dates_or_times() {
        let now: jiff::Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        assert_eq!(
            moment("7d", now).unwrap().to_string(),
            "2026-11-14T08:00:00Z"
        );
        assert_eq!(
            moment("30m", now).unwrap().to_string(),
            "2026-11-21T07:30:00Z"
        );
        assert_eq!(
            moment("2026-11-01T00:00:00+07:00", now)
                .unwrap()
                .to_string(),
            "2026-10-31T17:00:00Z"
        );
        assert!(moment("2026-11-01", now).is_ok());
        for wrong in ["", "d", "7w", "-3d", "99999999999999d", "yesterday", "ệ"] {
            assert!(moment(wrong, now).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_came_back_is_no_difference() {
        let change = |at: &str, old: &str, new: &str| serde_json::json!({"at": at, "device": "a", "kind": "serial", "subject": "", "old": old, "new": new});
        assert!(net(vec![change("1", "A", "B"), change("2", "B", "A")]).is_empty());
        let left = net(vec![change("1", "A", "B"), change("2", "B", "C")]);
        assert_eq!(
            (&left[0]["old"], &left[0]["new"]),
            (&"A".into(), &"C".into())
        );
    }
}
