//! The form of a profile file: what YAML may say, key by key. Meaning is checked in `compile`.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use regex::{Regex, RegexBuilder};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::{DeviceKind, Health, Oid, StorageKind};

/// Largest compiled regex, bytes: plenty for a sysDescr, too little for a pattern bomb.
const REGEX_BYTES_MAX: usize = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) profile: String,
    #[serde(default)]
    pub(super) vendor: String,
    #[serde(default)]
    pub(super) kind: DeviceKind,
    /// Where the knowledge comes from, for people.
    #[serde(default, rename = "source")]
    pub(super) _source: String,
    #[serde(default)]
    pub(super) fallback: bool,
    #[serde(default, rename = "match")]
    pub(super) matches: Vec<Match>,
    #[serde(default)]
    pub(super) extends: Vec<String>,
    #[serde(default)]
    pub(super) modules: Option<Vec<Module>>,
    #[serde(default)]
    pub(super) identity: IdentityRules,
    #[serde(default)]
    pub(super) states: Unique<Unique<String>>,
    #[serde(default)]
    pub(super) scalars: Vec<Table>,
    #[serde(default)]
    pub(super) tables: Vec<Table>,
}

/// Standard MIBs that the program reads by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Module {
    Interfaces,
    Entity,
    EntitySensors,
    CiscoSensors,
    Host,
    Lldp,
    Cdp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Match {
    #[serde(default)]
    pub(super) object_id: Vec<Oid>,
    #[serde(default)]
    pub(super) descr: Option<Pattern>,
    /// An instance that the agent must have: what tells an appliance from the Linux it is made of. Asked for once.
    #[serde(default)]
    pub(super) has: Option<Oid>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityRules {
    #[serde(default)]
    pub(super) model: Vec<IdentityRule>,
    #[serde(default)]
    pub(super) serial: Vec<IdentityRule>,
    #[serde(default)]
    pub(super) version: Vec<IdentityRule>,
}

/// One place to look: `oid`, `descr` or `entity`, or `text` alone. With the groups of a pattern `text` says how they are put together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentityRule {
    #[serde(default)]
    pub(super) oid: Option<Oid>,
    /// With `oid` or `entity`: what of its text counts.
    #[serde(default)]
    pub(super) pattern: Option<Pattern>,
    #[serde(default)]
    pub(super) descr: Option<Pattern>,
    #[serde(default)]
    pub(super) entity: Option<EntityField>,
    /// With `oid`: names for what the agent says; what is not named is no fact.
    #[serde(default)]
    pub(super) map: Option<Unique<String>>,
    /// The object with the patch level, added in brackets when there is one.
    #[serde(default)]
    pub(super) patch: Option<Oid>,
    /// By itself the fact; with a pattern a form in which `$1`, `$2` … are its groups.
    #[serde(default)]
    pub(super) text: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntityField {
    Model,
    Name,
    Descr,
    Serial,
    Hardware,
    Firmware,
    Software,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pace {
    /// At every poll.
    #[default]
    Poll,
    /// Every few polls.
    Slow,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    pub(super) name: String,
    #[serde(default)]
    pub(super) every: Pace,
    /// Also read when a trap hastens the device.
    #[serde(default)]
    pub(super) hasten: bool,
    pub(super) columns: Unique<Oid>,
    /// Counts only while none of these tables (own, inherited or of a module) brings anything: what a family says twice,
    /// older agents only here.
    #[serde(default)]
    pub(super) instead_of: Vec<String>,
    /// Only rows whose column has one of these values, or is absent.
    #[serde(default, rename = "where")]
    pub(super) only: Unique<Vec<i64>>,
    /// Rows whose column has one of these values are left out.
    #[serde(default)]
    pub(super) unless: Unique<Vec<i64>>,
    #[serde(default)]
    pub(super) components: Vec<ComponentRule>,
    #[serde(default)]
    pub(super) sensors: Vec<SensorRule>,
    #[serde(default)]
    pub(super) storage: Vec<StorageRule>,
    #[serde(default)]
    pub(super) processors: Vec<ProcessorRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ComponentRule {
    pub(super) name: String,
    pub(super) class: String,
    #[serde(default)]
    pub(super) parent: Option<String>,
    #[serde(default)]
    pub(super) model: Option<String>,
    #[serde(default)]
    pub(super) serial: Option<String>,
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) states: Option<String>,
    /// Only rows in which the text of the column fits.
    #[serde(default)]
    pub(super) when: Unique<Pattern>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SensorRule {
    pub(super) name: String,
    pub(super) class: String,
    #[serde(default)]
    pub(super) unit: Option<String>,
    #[serde(default)]
    pub(super) value: Option<String>,
    #[serde(default)]
    pub(super) scale: Option<f64>,
    #[serde(default)]
    pub(super) offset: Option<f64>,
    /// What else is done with the scaled value.
    #[serde(default)]
    pub(super) convert: Option<Conversion>,
    /// The column by which the value is divided.
    #[serde(default)]
    pub(super) divide_by: Option<String>,
    /// The column that has the factor; a negative one divides by its size, as agents without fractions say it.
    #[serde(default)]
    pub(super) scale_by: Option<String>,
    /// The column that says how many digits of the value stand behind the point.
    #[serde(default)]
    pub(super) decimals: Option<String>,
    /// Only rows in which the text of the column fits.
    #[serde(default)]
    pub(super) when: Unique<Pattern>,
    /// With a text as value: where the number stands in it.
    #[serde(default)]
    pub(super) pattern: Option<Pattern>,
    /// Raw values that mean "no value".
    #[serde(default)]
    pub(super) invalid: Vec<i64>,
    #[serde(default)]
    pub(super) state: Option<String>,
    #[serde(default)]
    pub(super) states: Option<String>,
    /// With a state: the column that says the same in words, by which it is looked up.
    #[serde(default)]
    pub(super) word: Option<String>,
    #[serde(default)]
    pub(super) limits: LimitRules,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitRules {
    #[serde(default)]
    pub(super) low_critical: Option<Limit>,
    #[serde(default)]
    pub(super) low_warning: Option<Limit>,
    #[serde(default)]
    pub(super) high_warning: Option<Limit>,
    #[serde(default)]
    pub(super) high_critical: Option<Limit>,
}

/// What no factor can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Conversion {
    /// The power of light in watts, told in dBm; no light is −60.
    WattsToDbm,
}

/// A number in the sensor's unit, or the column that has it (scaled like the value).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Limit {
    Number(f64),
    Column(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StorageRule {
    pub(super) name: String,
    pub(super) kind: StorageWord,
    /// Bytes of one unit of the columns.
    #[serde(default)]
    pub(super) unit_bytes: Option<u64>,
    /// The column with the bytes of one unit, where rows differ in it.
    #[serde(default)]
    pub(super) units: Option<String>,
    #[serde(default)]
    pub(super) used: Option<String>,
    #[serde(default)]
    pub(super) free: Option<String>,
    #[serde(default)]
    pub(super) size: Option<String>,
    /// Columns with the upper 32 bits, where an agent cuts large numbers in two.
    #[serde(default)]
    pub(super) used_high: Option<String>,
    #[serde(default)]
    pub(super) free_high: Option<String>,
    #[serde(default)]
    pub(super) size_high: Option<String>,
    /// A share, 0–100 of `size`, or of an unknown size when the device gives a share only.
    #[serde(default)]
    pub(super) percent: Option<String>,
    /// Only rows in which the text of the column fits.
    #[serde(default)]
    pub(super) when: Unique<Pattern>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StorageWord {
    Disk,
    Memory,
    Swap,
    Pool,
}

impl From<StorageWord> for StorageKind {
    fn from(word: StorageWord) -> Self {
        match word {
            StorageWord::Disk => Self::Disk,
            StorageWord::Memory => Self::Memory,
            StorageWord::Swap => Self::Swap,
            StorageWord::Pool => Self::Pool,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcessorRule {
    pub(super) name: String,
    pub(super) load: String,
    /// The load is 100 minus the column.
    #[serde(default)]
    pub(super) idle: bool,
    /// Only rows in which the text of the column fits.
    #[serde(default)]
    pub(super) when: Unique<Pattern>,
}

/// A regex that was compiled at load.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(pub(crate) Regex);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        RegexBuilder::new(&text)
            .size_limit(REGEX_BYTES_MAX)
            .build()
            .map(Self)
            .map_err(|e| D::Error::custom(format_args!("bad regex: {}", last_line(&e.to_string()))))
    }
}

/// The regex crate draws a picture over several lines; the last one says it in words.
fn last_line(text: &str) -> &str {
    text.lines()
        .last()
        .unwrap_or(text)
        .trim_start_matches("error: ")
}

/// A map in which no key comes twice (serde's own maps keep the last one silently).
#[derive(Debug)]
pub(super) struct Unique<V>(pub(super) BTreeMap<String, V>);

impl<V> Default for Unique<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Unique<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Each<V> {
            type Value = Unique<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique<V>, A::Error> {
                let mut seen = BTreeMap::new();
                while let Some(Key(key)) = map.next_key()? {
                    let value = map.next_value()?;
                    if seen.insert(key.clone(), value).is_some() {
                        return Err(A::Error::custom(format_args!("key `{key}` comes twice")));
                    }
                }
                Ok(Unique(seen))
            }
        }
        deserializer.deserialize_map(Each(PhantomData))
    }
}

/// A key that may be written as a number.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;
        impl Visitor<'_> for Word {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a word or a number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key, E> {
                Ok(Key(text.to_owned()))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Key, E> {
                Ok(Key(number.to_string()))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Key, E> {
                Ok(Key(number.to_string()))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Key, E> {
                Ok(Key(value.to_string()))
            }
        }
        deserializer.deserialize_any(Word)
    }
}

/// `HEALTH WORDS`, e.g. `critical needs replacement`.
pub(super) fn parse_state(text: &str) -> Option<(Health, &str)> {
    let (health, words) = text.split_once(' ')?;
    let health = match health {
        "ok" => Health::Ok,
        "degraded" => Health::Degraded,
        "critical" => Health::Critical,
        "unknown" => Health::Unknown,
        _ => return None,
    };
    let words = words.trim();
    (!words.is_empty()).then_some((health, words))
}
