//! Logs: one line an event, whatever text a device or a guest put into it.
//!
//! Levels: `error` needs a person now, `warn` soon, `info` tells the daemon's own life (a few lines an hour), `debug` follows one
//! device or room, `trace` one packet.

use std::fmt;
use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Log, LogFormat};

/// The environment variable that wins over the configured level.
pub const LEVEL_VARIABLE: &str = "NHIPCAU_LOG";
/// Longest line in bytes: a hostile name cannot fill the journal with one event.
const LINE_BYTES_MAX: usize = 16 * 1024;

/// Reads a level or a filter by module.
///
/// # Errors
/// One sentence on what is wrong with it.
pub fn filter(level: &str) -> Result<EnvFilter, String> {
    // A lone word that is no level would be taken for a module's name and silence everything else.
    if level.is_empty()
        || !level.contains(['=', ','])
            && level
                .parse::<tracing::level_filters::LevelFilter>()
                .is_err()
    {
        return Err("must be error, warn, info, debug, trace, off, or a filter such as info,nhipcau::drive=debug".into());
    }
    // The SNMP library calls every silence of a device an error, the TURN libraries every client without credentials; the poller and the bridge
    // count them and say what they mean. Their own levels can still be asked for by name.
    let mut whole = level.to_owned();
    for noisy in ["async_snmp", "turn_server_proto", "stun_proto"] {
        if !level.contains(noisy) {
            whole.push_str(&format!(",{noisy}=off"));
        }
    }
    EnvFilter::try_new(whole).map_err(|fault| format!("is no filter: {fault}"))
}

/// The running log's level, for a reload.
pub struct Logging {
    level: reload::Handle<EnvFilter, tracing_subscriber::Registry>,
}

impl fmt::Debug for Logging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Logging")
    }
}

/// Starts logging to standard error. Call once; later calls leave the first in place and return a handle without effect on it.
///
/// # Errors
/// When `NHIPCAU_LOG` or the configured level is no filter.
pub fn start(settings: &Log) -> Result<Logging, String> {
    let (level, handle) = reload::Layer::new(chosen(settings)?);
    let registry = tracing_subscriber::registry().with(level);
    // A second start happens in tests only, where the first subscriber serves as well.
    let _ = match settings.format {
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(false)
                    .with_target(false)
                    .fmt_fields(EscapedFields)
                    .with_writer(OneLine),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(OneLine),
            )
            .try_init(),
    };
    Ok(Logging { level: handle })
}

impl Logging {
    /// Takes a changed level up. The format needs a restart.
    ///
    /// # Errors
    /// When the level is no filter; the old one stays.
    pub fn reload(&self, settings: &Log) -> Result<(), String> {
        self.level
            .reload(chosen(settings)?)
            .map_err(|fault| fault.to_string())
    }
}

fn chosen(settings: &Log) -> Result<EnvFilter, String> {
    match std::env::var(LEVEL_VARIABLE) {
        Ok(level) if !level.is_empty() => {
            filter(&level).map_err(|fault| format!("{LEVEL_VARIABLE} {fault}"))
        }
        _ => filter(&settings.level),
    }
}

/// Text as a log or a terminal may hold it: control characters (line ends, ANSI, C1), bidirectional overrides and invisible
/// separators are written as `\u{..}`.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_escaped(&mut out, c);
    }
    out
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}') =>
        {
            out.extend(c.escape_unicode());
        }
        c => out.push(c),
    }
}

/// Field formatting that escapes each value, also those recorded with `%`.
struct EscapedFields;

impl<'writer> tracing_subscriber::fmt::FormatFields<'writer> for EscapedFields {
    fn format_fields<R: tracing_subscriber::field::RecordFields>(
        &self,
        mut writer: Writer<'writer>,
        fields: R,
    ) -> fmt::Result {
        let mut line = FieldLine(String::new());
        fields.record(&mut line);
        writer.write_str(&line.0)
    }
}

struct FieldLine(String);

impl FieldLine {
    fn push(&mut self, name: &str, text: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        if name != "message" {
            self.0.push_str(name);
            self.0.push('=');
        }
        text.chars().for_each(|c| push_escaped(&mut self.0, c));
    }
}

impl tracing::field::Visit for FieldLine {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        self.push(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        if field.name() == "message" {
            self.push("message", value);
        } else {
            self.push(field.name(), &format!("{value:?}"));
        }
    }
}

/// Writes each event as one bounded line. The fields are escaped before; this cuts what is too long.
struct OneLine;

impl<'a> MakeWriter<'a> for OneLine {
    type Writer = CutLine;

    fn make_writer(&'a self) -> Self::Writer {
        CutLine
    }
}

struct CutLine;

impl Write for CutLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(&cut(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn cut(line: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    if line.len() <= LINE_BYTES_MAX {
        return line.into();
    }
    let text = String::from_utf8_lossy(&line[..LINE_BYTES_MAX]);
    format!(
        "{} … ({} bytes more)\n",
        text.trim_end_matches('\u{fffd}'),
        line.len() - LINE_BYTES_MAX
    )
    .into_bytes()
    .into()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str =
        "sw1\n2026-11-21 ERROR forged\r\x1b[31mred\x1b[0m\u{9b}2J\u{202e}txt\u{2028}x";

    #[test]
    fn hostile_text_stays_on_one_line_in_both_formats() {
        for json in [false, true] {
            let kept = Kept::default();
            let writer = kept.clone();
            let layer = tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_writer(move || writer.clone());
            let log = || {
                tracing::info!(name = HOSTILE, shown = %HOSTILE, debug = ?HOSTILE, "device {}", HOSTILE);
            };
            if json {
                tracing::subscriber::with_default(
                    tracing_subscriber::registry().with(layer.json()),
                    log,
                );
            } else {
                tracing::subscriber::with_default(
                    tracing_subscriber::registry().with(layer.fmt_fields(EscapedFields)),
                    log,
                );
            }
            let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
            assert_eq!(text.matches('\n').count(), 1, "{text:?}");
            assert!(!text.contains(['\r', '\x1b']), "{text:?}");
            if json {
                serde_json::from_str::<serde_json::Value>(&text).unwrap();
            } else {
                assert!(
                    !text.contains(['\u{9b}', '\u{202e}', '\u{2028}']),
                    "{text:?}"
                );
            }
        }
    }

    #[test]
    fn a_level_is_a_level_or_a_filter() {
        for good in ["info", "debug", "off", "info,nhipcau::drive=debug"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["loud", "", "info,nhipcau=loud"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let line = "é".repeat(LINE_BYTES_MAX);
        let cut = String::from_utf8(cut(line.as_bytes()).into_owned()).unwrap();
        assert!(cut.len() < LINE_BYTES_MAX + 40 && cut.ends_with("bytes more)\n"));
    }
}
