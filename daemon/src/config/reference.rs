//! The reference of all keys, printed as YAML that is itself a valid configuration.

use std::fmt::Write;

use super::schema::{Absent, Field, Form, PARTS, Reload};

/// Every key with its form, default and reason. Keys without a default stand as comments.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(
        "# All keys of the configuration with their defaults. A key may be left out; unknown keys are refused.\n\
         # Files of conf.d/*.yaml beside this one are joined to it: lists append, sections join.\n\
         # Secrets are references: file:/absolute/path, env:NAME or credential:NAME (systemd's LoadCredential=).\n",
    );
    for part in PARTS {
        let reload = match part.reload {
            Reload::Live => "reload",
            Reload::Restart => "restart",
        };
        let _ = write!(out, "\n# {} ({reload})\n", part.field.why);
        key(&mut out, &part.field, 0, false, false);
    }
    out
}

/// One key. `hidden`: it stands below a key that is itself only a comment. `first`: it begins a list item.
fn key(out: &mut String, field: &Field, depth: usize, hidden: bool, first: bool) {
    let default = match field.absent {
        Absent::Text(text)
        | Absent::Switch {
            usual: Some(text), ..
        } => Some(text),
        _ => None,
    };
    let has_default = match field.form {
        Form::Section(fields) => fields
            .iter()
            .all(|field| !matches!(field.absent, Absent::Required)),
        _ => default.is_some(),
    };
    let hidden = hidden || !has_default;
    let mark = if hidden { "# " } else { "" };
    let indent = if first {
        format!("{}- ", "  ".repeat(depth - 1))
    } else {
        "  ".repeat(depth)
    };
    match field.form {
        Form::Section(fields) => {
            let open = if fields.iter().any(shows) { "" } else { " {}" };
            let _ = writeln!(
                out,
                "{mark}{indent}{}:{}",
                field.key,
                if hidden { "" } else { open }
            );
            members(out, fields, depth + 1, hidden, false);
        }
        Form::List(Form::Section(fields)) => {
            let _ = writeln!(out, "{mark}{indent}{}:", field.key);
            members(out, fields, depth + 2, true, true);
        }
        Form::Map(Form::Section(fields)) => {
            let _ = writeln!(
                out,
                "{mark}{indent}{}:\n# {}NAME:",
                field.key,
                "  ".repeat(depth + 1)
            );
            members(out, fields, depth + 2, true, false);
        }
        form => {
            let value = default.map_or_else(String::new, |text| format!(" {text}"));
            let need = if matches!(field.absent, Absent::Required) {
                "required; "
            } else {
                ""
            };
            let why = if depth == 0 { "" } else { field.why };
            let _ = writeln!(
                out,
                "{mark}{indent}{}:{value}  # {need}{}{}{why}",
                field.key,
                name(&form),
                if why.is_empty() { "" } else { ": " }
            );
        }
    }
}

fn members(out: &mut String, fields: &[Field], depth: usize, hidden: bool, item: bool) {
    for (i, field) in fields.iter().enumerate() {
        key(out, field, depth, hidden, item && i == 0);
    }
}

/// Whether a key stands in the reference as itself and not as a comment.
fn shows(field: &Field) -> bool {
    match field.form {
        Form::Section(fields) => fields
            .iter()
            .all(|field| !matches!(field.absent, Absent::Required)),
        _ => matches!(
            field.absent,
            Absent::Text(_) | Absent::Switch { usual: Some(_), .. }
        ),
    }
}

fn name(form: &Form) -> String {
    match form {
        Form::Text(bytes_max) => format!("text up to {bytes_max} bytes"),
        Form::Id => "id".into(),
        Form::Choice(words) => words.join(" | "),
        Form::Integer(from, to) => format!("{from} to {to}"),
        Form::Decimal => "number".into(),
        Form::Duration(from, to) => format!("{from} to {to}"),
        Form::Rate => "bits per second (512k, 20M, 1G)".into(),
        Form::Size => "size (512MiB, 10GiB)".into(),
        Form::Socket(Some(port)) => format!("address, port {port} unless given"),
        Form::Socket(None) => "address:port".into(),
        Form::Address => "IP address".into(),
        Form::Network => "network or IP address".into(),
        Form::Allowed => "network, IP address or host name".into(),
        Form::Host => "host name or IP address".into(),
        Form::Email => "mail address".into(),
        Form::Path => "absolute path".into(),
        Form::Secret => "secret".into(),
        Form::Section(_) => "section".into(),
        Form::List(item) => format!("list of: {}", name(item)),
        Form::Map(item) => format!("names, each with: {}", name(item)),
    }
}
