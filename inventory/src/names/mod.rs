//! Names of what notifications speak of: the standard ones built in, the operator's from their MIB files. What values mean, in words.

mod builtin;
mod say;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use crate::{Oid, Value, Varbind};

/// Names and labels of one set together; vendors' MIBs have some ten thousand.
pub const ENTRIES_MAX: usize = 400_000;
/// Longest name or label, bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Labels of one object.
pub const LABELS_MAX: usize = 512;

/// What the values of an object mean.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Syntax {
    /// As they are; text where the bytes are text.
    #[default]
    Plain,
    /// Numbers with labels.
    Labels(Arc<[(i64, Arc<str>)]>),
    /// Named bits, the first of the first byte is 0 (RFC 2578 §7.1.4).
    Bits(Arc<[(i64, Arc<str>)]>),
    /// Text for people.
    Text,
    /// Bytes, not text.
    Octets,
    /// DateAndTime (RFC 2579).
    Date,
}

#[derive(Debug, Clone)]
struct Object {
    name: Arc<str>,
    syntax: Syntax,
}

/// A variable of a notification, for people and for playbooks.
#[derive(Debug, Clone, PartialEq)]
pub struct Spoken {
    /// Its OID.
    pub oid: Oid,
    /// Name with its instance, such as `ifOperStatus.7`; the OID where nobody knows a name.
    pub name: String,
    /// Name of the object alone; empty where nobody knows one.
    pub object: Arc<str>,
    /// Its value in words: `down(2)`, text, `0x0a1b`, `2026-11-21 22:15:00`.
    pub text: String,
}

/// Names by OID.
#[derive(Debug, Clone, Default)]
pub struct Names {
    objects: HashMap<Oid, Object>,
    notifications: HashMap<Oid, Arc<str>>,
}

static BUILTIN: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names::default();
    for line in builtin::TEXT.lines() {
        names.take(line);
    }
    names
});

impl Names {
    /// The standard notifications and the objects that our profiles and usual notifications speak of.
    #[must_use]
    pub fn builtin() -> Self {
        BUILTIN.clone()
    }

    /// Takes one line: `N OID name` for a notification, `O OID name [syntax]` for an object, with tabs between. A syntax is `t` (text),
    /// `x` (bytes), `d` (date), `e label=number,…` or `b label=bit,…`. `false`: the line says nothing that can be used, or there are
    /// [`ENTRIES_MAX`] already.
    pub fn take(&mut self, line: &str) -> bool {
        let mut fields = line.split('\t');
        let (Some(kind), Some(oid), Some(name)) = (fields.next(), fields.next(), fields.next())
        else {
            return false;
        };
        let Ok(oid) = oid.parse::<Oid>() else {
            return false;
        };
        if !is_name(name) || self.objects.len() + self.notifications.len() >= ENTRIES_MAX {
            return false;
        }
        let name: Arc<str> = name.into();
        match kind {
            "N" => drop(self.notifications.insert(oid, name)),
            "O" => {
                let syntax = syntax(fields.next().unwrap_or_default());
                self.objects.insert(oid, Object { name, syntax });
            }
            _ => return false,
        }
        true
    }

    /// Number of names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.objects.len() + self.notifications.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of a notification. Translated v1 traps have a zero before the last arc that the v2 name may lack, and the other way round.
    #[must_use]
    pub fn notification(&self, oid: &Oid) -> Option<&str> {
        let named = |oid: &Oid| self.notifications.get(oid).map(|name| &**name);
        named(oid).or_else(|| {
            let arcs: Vec<u32> = oid.arcs().collect();
            let (last, head) = arcs.split_last()?;
            let other = match head.split_last() {
                Some((0, shorter)) => [shorter, &[*last]].concat(),
                _ => [head, &[0, *last]].concat(),
            };
            named(&Oid::from_arcs(&other).ok()?)
        })
    }

    /// The object whose instance `oid` is, with the instance's arcs.
    fn object(&self, oid: &Oid) -> Option<(&Object, Vec<u32>)> {
        let arcs: Vec<u32> = oid.arcs().collect();
        // No object stands above the enterprises.
        (6..=arcs.len()).rev().find_map(|length| {
            let object = self.objects.get(&Oid::from_arcs(&arcs[..length]).ok()?)?;
            Some((object, arcs[length..].to_vec()))
        })
    }

    /// What a variable says.
    #[must_use]
    pub fn spoken(&self, varbind: &Varbind) -> Spoken {
        let found = self.object(&varbind.oid);
        let name = match &found {
            Some((object, instance)) => say::instance(&object.name, instance),
            None => varbind.oid.to_string(),
        };
        let syntax = found.as_ref().map(|(object, _)| &object.syntax);
        let text = match &varbind.value {
            Value::Oid(oid) => self.oid(oid),
            value => say::value(value, syntax.unwrap_or(&Syntax::Plain)),
        };
        Spoken {
            oid: varbind.oid.clone(),
            name,
            object: found.map_or_else(|| "".into(), |(object, _)| object.name.clone()),
            text,
        }
    }

    fn oid(&self, oid: &Oid) -> String {
        if let Some(name) = self.notification(oid) {
            return name.to_owned();
        }
        match self.object(oid) {
            Some((object, instance)) => say::instance(&object.name, &instance),
            None => oid.to_string(),
        }
    }
}

/// Letters, digits and hyphens (RFC 2578 §3.1): nothing that a page, a log or a label could misread.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn syntax(text: &str) -> Syntax {
    let labels = |list: &str| -> Arc<[(i64, Arc<str>)]> {
        list.split(',')
            .filter_map(|entry| {
                let (label, number) = entry.rsplit_once('=')?;
                Some((number.parse().ok()?, Arc::from(label)))
            })
            .filter(|(_, label): &(i64, Arc<str>)| is_name(label))
            .take(LABELS_MAX)
            .collect()
    };
    match text.split_once(' ') {
        Some(("e", list)) => Syntax::Labels(labels(list)),
        Some(("b", list)) => Syntax::Bits(labels(list)),
        _ => match text {
            "t" => Syntax::Text,
            "x" => Syntax::Octets,
            "d" => Syntax::Date,
            _ => Syntax::Plain,
        },
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn spoken(oid: &str, value: Value) -> (String, String) {
        let spoken = Names::builtin().spoken(&Varbind {
            oid: oid.parse().unwrap(),
            value,
        });
        (spoken.name, spoken.text)
    }

    fn octets(bytes: &'static [u8]) -> Value {
        Value::OctetString(Bytes::from_static(bytes))
    }

    #[test]
    fn every_builtin_line_is_a_name() {
        let mut names = Names::default();
        for line in builtin::TEXT.lines() {
            assert!(names.take(line), "{line}");
        }
        assert_eq!(names.len(), builtin::TEXT.lines().count(), "one twice");
    }

    #[test]
    fn numbers_have_labels_and_instances_stay() {
        let says = |oid, value| {
            let (name, text) = spoken(oid, value);
            format!("{name} = {text}")
        };
        assert_eq!(
            says("1.3.6.1.2.1.2.2.1.8.7", Value::Integer(2)),
            "ifOperStatus.7 = down(2)"
        );
        assert_eq!(
            says("1.3.6.1.2.1.2.2.1.8.7", Value::Integer(99)),
            "ifOperStatus.7 = 99"
        );
        assert_eq!(
            says("1.3.6.1.2.1.1.3.0", Value::TimeTicks(27_786_100)),
            "sysUpTime = 3d 05:11:01"
        );
        assert_eq!(
            says("1.3.6.1.4.1.99999.1.2", Value::Counter64(u64::MAX)),
            "1.3.6.1.4.1.99999.1.2 = 18446744073709551615"
        );
        assert_eq!(
            says(
                "1.3.6.1.6.3.1.1.4.1.0",
                Value::Oid("1.3.6.1.6.3.1.1.5.3".parse().unwrap())
            ),
            "snmpTrapOID = linkDown"
        );
    }

    #[test]
    fn bytes_are_text_hex_or_a_date_and_never_hostile() {
        assert_eq!(
            spoken(
                "1.3.6.1.2.1.31.1.1.1.18.3",
                octets("Đi Trà My\u{202e}\n=1+1".as_bytes())
            )
            .1,
            "Đi Trà My =1+1"
        );
        assert_eq!(
            spoken("1.3.6.1.2.1.2.2.1.6.3", octets(b"\x00\x1b\x21\xaa\xbb\xcc")).1,
            "00:1b:21:aa:bb:cc"
        );
        assert_eq!(
            spoken("1.3.6.1.4.1.99999.5", octets(b"\x00\xff\x01")).1,
            "0x00ff01"
        );
        let mut names = Names::default();
        assert!(names.take("O\t1.3.6.1.4.1.99999.6\tngayGio\td"));
        assert!(names.take("O\t1.3.6.1.4.1.99999.7\tco\tb mot=0,chin=9"));
        let say = |oid: &str, value| {
            names
                .spoken(&Varbind {
                    oid: oid.parse().unwrap(),
                    value,
                })
                .text
        };
        assert_eq!(
            say(
                "1.3.6.1.4.1.99999.6.0",
                octets(b"\x07\xea\x0b\x15\x16\x0f\x00\x00+\x07\x00")
            ),
            "2026-11-21 22:15:00 +07:00"
        );
        assert_eq!(
            say(
                "1.3.6.1.4.1.99999.6.0",
                octets(b"\x07\xea\x0d\x15\x16\x0f\x00\x00")
            ),
            "0x07ea0d15160f0000"
        );
        assert_eq!(
            say("1.3.6.1.4.1.99999.7.0", octets(b"\x80\x40")),
            "mot chin"
        );
    }

    #[test]
    fn hostile_lines_are_refused() {
        let mut names = Names::default();
        for line in [
            "",
            "N",
            "N\t1.3.6\t<script>",
            "N\tmot.hai\tten",
            "X\t1.3.6\tten",
            "O\t1.3.6.1\tt\u{202e}en",
        ] {
            assert!(!names.take(line), "{line}");
        }
        assert!(names.is_empty());
    }

    #[test]
    fn a_zero_more_or_less_names_the_same_notification() {
        let names = Names::builtin();
        for oid in ["1.3.6.1.2.1.33.2.0.1", "1.3.6.1.2.1.33.2.1"] {
            assert_eq!(
                names.notification(&oid.parse().unwrap()),
                Some("upsTrapOnBattery")
            );
        }
    }
}
