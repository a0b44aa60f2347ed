//! The fields of an event that conditions and templates may name.

use jiff::tz::TimeZone;

use crate::{Arg, Event, Health, Language};

/// A field of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Id,
    Kind,
    At,
    Subject,
    Health,
    Text,
    ReasonCode,
    Device,
    DeviceName,
    Interface,
    Site,
    SiteName,
    Sites,
    Conference,
    Maintenance,
    Arg(String),
}

/// Names of the fields, without `args`.
pub(crate) const NAMES: [(&str, Field); 15] = [
    ("id", Field::Id),
    ("kind", Field::Kind),
    ("at", Field::At),
    ("subject", Field::Subject),
    ("health", Field::Health),
    ("text", Field::Text),
    ("reason_code", Field::ReasonCode),
    ("device", Field::Device),
    ("device_name", Field::DeviceName),
    ("interface", Field::Interface),
    ("site", Field::Site),
    ("site_name", Field::SiteName),
    ("sites", Field::Sites),
    ("conference", Field::Conference),
    ("maintenance", Field::Maintenance),
];

/// For whom a field is written out.
#[derive(Clone, Copy)]
pub(crate) enum Style<'a> {
    /// People: local times, words.
    People(Language, &'a TimeZone),
    /// Programs: RFC 3339, codes.
    Programs,
}

impl Field {
    /// The field of that name; `args.NAME` is the argument of the event's reason.
    pub(crate) fn parse(name: &str) -> Option<Field> {
        if let Some(arg) = name.strip_prefix("args.") {
            let sane = !arg.is_empty()
                && arg.len() <= 40
                && arg
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            return sane.then(|| Field::Arg(arg.to_owned()));
        }
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, field)| field.clone())
    }

    /// The field written out; `None` when this event does not have it.
    pub(crate) fn write(&self, event: &Event, style: Style<'_>) -> Option<String> {
        Some(match self {
            Field::Id => event.id.to_string(),
            Field::Kind => event.kind.to_string(),
            Field::At => match style {
                Style::People(_, zone) => zone
                    .to_datetime(event.at)
                    .strftime("%d/%m/%Y %H:%M:%S")
                    .to_string(),
                Style::Programs => event.at.to_string(),
            },
            Field::Subject => event.subject.clone(),
            Field::Maintenance => event.maintenance.to_string(),
            Field::Health => match style {
                Style::People(Language::Vi, _) => health_vi(event.health).to_owned(),
                _ => event.health.as_str().to_owned(),
            },
            Field::Text => event.text.clone(),
            Field::ReasonCode => event.reason.code.clone().into_owned(),
            Field::Device => event.device.clone()?,
            Field::DeviceName => event.device_name.clone().or_else(|| event.device.clone())?,
            Field::Interface => event.interface.clone()?,
            Field::Site => event.site.clone()?,
            Field::SiteName => event.site_name.clone().or_else(|| event.site.clone())?,
            Field::Sites if event.sites.is_empty() => return None,
            Field::Sites => event.sites.join(", "),
            Field::Conference => event.conference.clone()?,
            Field::Arg(name) => write_arg(event.reason.args.get(name)?, style),
        })
    }
}

fn write_arg(arg: &Arg, style: Style<'_>) -> String {
    match (arg, style) {
        (Arg::Text(text), _) => text.clone(),
        (Arg::Integer(number), _) => number.to_string(),
        (Arg::Number(number), Style::People(Language::Vi, _)) => rounded(*number).replace('.', ","),
        (Arg::Number(number), Style::People(Language::En, _)) => rounded(*number),
        (Arg::Number(number), Style::Programs) => number.to_string(),
    }
}

/// Two digits after the point at most.
fn rounded(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn health_vi(health: Health) -> &'static str {
    match health {
        Health::Ok => "tốt",
        Health::Degraded => "cần chú ý",
        Health::Critical => "nghiêm trọng",
        Health::Unknown => "chưa rõ",
    }
}
