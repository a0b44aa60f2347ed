//! Profiles: device families as data. One YAML file a family says how to recognise it and which tables hold what.

mod compile;
mod complaint;
mod explain;
mod file;
mod lint;
mod rule;
mod scope;
mod shipped;
mod standard;
mod surroundings;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use explain::Candidate;
pub(crate) use file::{EntityField, Pace, Pattern};
pub use lint::{Finding, Severity, lint, profile_name};
pub(crate) use rule::{
    Amount, FamilyTable, IdentitySource, LimitPlan, Piece, Pointer, Reader, SensorPlan, StatePlan,
    StoragePlan, TablePlan, Template, Wide,
};
pub(crate) use standard::{SYSTEM, SYSTEM_EXTRAS, constant};
pub(crate) use surroundings::{Surrounding, vlan_plan};

use crate::{DeviceKind, Oid};

/// Largest profile file, bytes.
const FILE_BYTES_MAX: usize = 256 * 1024;
/// Instances asked for to tell families apart.
const PROBES_MAX: usize = 16;
/// Profiles at most.
const PROFILES_MAX: usize = 1_000;

/// A mistake in a profile file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    /// The file's name as handed in.
    pub file: String,
    /// Line from 1; 0 when the mistake has no place.
    pub line: usize,
    /// Column from 1; 0 when the mistake has no place.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl std::fmt::Display for ProfileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}:{}:{}: {}",
            self.file, self.line, self.column, self.message
        )
    }
}

impl std::error::Error for ProfileError {}

/// One device family.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) name: Arc<str>,
    pub(crate) vendor: Arc<str>,
    pub(crate) kind: DeviceKind,
    pub(crate) fallback: bool,
    /// Whether tables of other profiles are among its own.
    pub(crate) extends: bool,
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) identity: rule::IdentityPlan,
    pub(crate) tables: Vec<TablePlan>,
}

/// One way to recognise a family: all that is said must hold.
#[derive(Debug)]
pub(crate) struct Matcher {
    object_ids: Vec<Oid>,
    descr: Option<Pattern>,
    has: Option<Oid>,
}

impl Matcher {
    /// How well it fits: arcs of the longest object identifier, then whether the agent has the object asked for, then whether
    /// the description agreed too.
    fn score(&self, object_id: &Oid, descr: &str, present: &[Oid]) -> Option<(usize, bool, bool)> {
        if self.has.as_ref().is_some_and(|oid| !present.contains(oid)) {
            return None;
        }
        let had = self.has.is_some();
        let arcs = if self.object_ids.is_empty() {
            0
        } else {
            self.object_ids
                .iter()
                .filter(|o| object_id.starts_with(o))
                .map(Oid::len)
                .max()?
        };
        match &self.descr {
            Some(pattern) => pattern.0.is_match(descr).then_some((arcs, had, true)),
            None => Some((arcs, had, false)),
        }
    }
}

/// All device families that the daemon knows.
#[derive(Debug)]
pub struct ProfileSet {
    profiles: Vec<Arc<Profile>>,
    fallback: Arc<Profile>,
    /// Instances that tell families apart, each once.
    probes: Vec<Oid>,
}

impl ProfileSet {
    /// Reads profile files, each a name and its text. A later profile replaces an earlier one of the same name, so that an
    /// operator's file wins over a shipped one when both are handed in. Without a profile marked `fallback`, devices that
    /// nothing fits are read by the standard MIBs alone.
    ///
    /// # Errors
    /// All mistakes, with file, line and column. A file whose form is wrong shows its first mistake only.
    pub fn parse<N: Into<String>, T: AsRef<str>>(
        files: impl IntoIterator<Item = (N, T)>,
    ) -> Result<Self, Vec<ProfileError>> {
        let mut errors = Vec::new();
        let mut sources: Vec<complaint::Source> = Vec::new();
        for (name, text) in files {
            match read(name.into(), text.as_ref()) {
                Ok(source) => {
                    sources.retain(|s| s.file.profile != source.file.profile);
                    sources.push(source);
                }
                Err(error) => errors.push(error),
            }
            if sources.len() > PROFILES_MAX {
                let message = format!("more than {PROFILES_MAX} profiles");
                errors.push(ProfileError {
                    file: String::new(),
                    line: 0,
                    column: 0,
                    message,
                });
                break;
            }
        }
        let by_name: BTreeMap<&str, &complaint::Source> = sources
            .iter()
            .map(|s| (s.file.profile.as_str(), s))
            .collect();
        let profiles: Vec<Arc<Profile>> = sources
            .iter()
            .map(|s| Arc::new(compile::compile(s, &by_name, &mut errors)))
            .collect();
        if !errors.is_empty() {
            return Err(errors);
        }
        let fallback = profiles
            .iter()
            .find(|p| p.fallback)
            .cloned()
            .unwrap_or_else(|| Arc::new(bare()));
        let mut probes: Vec<Oid> = profiles
            .iter()
            .flat_map(|p| p.matchers.iter().filter_map(|m| m.has.clone()))
            .collect();
        probes.sort();
        probes.dedup();
        // More than a handful would make every first look at a device expensive.
        if probes.len() > PROBES_MAX {
            let message = format!("more than {PROBES_MAX} different `has` in all profiles");
            return Err(vec![ProfileError {
                file: String::new(),
                line: 0,
                column: 0,
                message,
            }]);
        }
        Ok(Self {
            profiles,
            fallback,
            probes,
        })
    }

    /// The families that ship with the program.
    ///
    /// # Panics
    /// When a shipped file is wrong, which a test rules out.
    #[must_use]
    pub fn shipped() -> Self {
        Self::parse(Self::shipped_files()).expect("the shipped profiles are well formed")
    }

    /// Names and texts of the shipped files, to be parsed together with an operator's own (shipped ones first).
    pub fn shipped_files() -> impl Iterator<Item = (&'static str, &'static str)> {
        shipped::FILES.iter().copied()
    }

    /// Names of all families.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.iter().map(|p| &*p.name)
    }

    /// The family of that name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Profile>> {
        self.profiles.iter().find(|p| &*p.name == name)
    }

    /// What to ask a device that is not known yet, beside its system group.
    pub(crate) fn probes(&self) -> &[Oid] {
        &self.probes
    }

    /// The family that fits best, given which of the probes the agent has; the second value says that none did.
    pub(crate) fn recognise(
        &self,
        object_id: &Oid,
        descr: &str,
        present: &[Oid],
    ) -> (&Arc<Profile>, bool) {
        let best = self
            .profiles
            .iter()
            .filter(|p| !p.fallback)
            .filter_map(|p| {
                Some((
                    p.matchers
                        .iter()
                        .filter_map(|m| m.score(object_id, descr, present))
                        .max()?,
                    p,
                ))
            })
            .max_by_key(|(score, _)| *score);
        match best {
            Some((_, profile)) => (profile, false),
            None => (&self.fallback, true),
        }
    }

    /// The name of the family that a device with this sysObjectID and sysDescr gets when it has these instances of those that
    /// profiles ask for by `has`, and whether it is the fallback.
    #[must_use]
    pub fn family(&self, object_id: &Oid, descr: &str, present: &[Oid]) -> (&str, bool) {
        let (profile, generic) = self.recognise(object_id, descr, present);
        (&profile.name, generic)
    }
}

/// What is left without any file: the standard MIBs.
fn bare() -> Profile {
    Profile {
        name: "generic".into(),
        vendor: "".into(),
        kind: DeviceKind::Other,
        fallback: true,
        extends: false,
        matchers: Vec::new(),
        identity: rule::IdentityPlan::default(),
        tables: [
            file::Module::Interfaces,
            file::Module::Entity,
            file::Module::EntitySensors,
            file::Module::Host,
        ]
        .into_iter()
        .flat_map(standard::tables)
        .collect(),
    }
}

fn read(name: String, text: &str) -> Result<complaint::Source, ProfileError> {
    let refuse = |line, column, message: String| ProfileError {
        file: name.clone(),
        line,
        column,
        message,
    };
    if text.len() > FILE_BYTES_MAX {
        return Err(refuse(0, 0, format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    if let Some((line, column)) = anchor(text) {
        return Err(refuse(
            line,
            column,
            "anchors and aliases are not allowed".to_owned(),
        ));
    }
    match serde_yaml::from_str::<file::File>(text) {
        Ok(file) => {
            if file.profile.is_empty()
                || !file
                    .profile
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            {
                return Err(refuse(
                    1,
                    1,
                    "`profile` is a name of letters, digits, `-` and `_`".to_owned(),
                ));
            }
            Ok(complaint::Source {
                name,
                text: text.to_owned(),
                file,
            })
        }
        Err(error) => {
            let (line, column) = error.location().map_or((0, 0), |l| (l.line(), l.column()));
            let message = error.to_string();
            // The library repeats the place at the end of its message.
            let message = message
                .rsplit_once(" at line ")
                .map_or(message.as_str(), |(text, _)| text)
                .to_owned();
            Err(refuse(line, column, message))
        }
    }
}

/// The place of the first YAML anchor or alias. They are refused because a short file can grow without bound by them.
///
/// Outside quotes a value cannot begin with `&` or `*` unless it is one, so looking at what follows the indicators is enough.
fn anchor(text: &str) -> Option<(usize, usize)> {
    for (n, line) in text.lines().enumerate() {
        let mut quote = None;
        let mut value_begins = true;
        for (column, c) in line.chars().enumerate() {
            match (quote, c) {
                (Some(q), c) if c == q => quote = None,
                (Some(_), _) => {}
                (None, '#') if value_begins => break,
                (None, '&' | '*') if value_begins => return Some((n + 1, column + 1)),
                (None, '"' | '\'') if value_begins => {
                    quote = Some(c);
                    value_begins = false;
                }
                (None, ' ' | '\t') => {}
                (None, ':' | '-' | ',' | '[' | '{' | '?') => value_begins = true,
                (None, _) => value_begins = false,
            }
        }
    }
    None
}
