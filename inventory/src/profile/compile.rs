//! From the form of a file to rules: columns, states and templates resolved, limits kept, mistakes named with their place.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::complaint::{Complaints, Source};
use super::file::{self, File, Module, Pace, Unique};
use super::rule::{
    ComponentPlan, Cut, FamilyTable, IdentityPlan, IdentitySource, ProcessorPlan, Reader, StateMap,
    TablePlan,
};
use super::scope::Scope;
use super::{Matcher, Profile, ProfileError, standard, surroundings};
use crate::Oid;

/// Tables of one profile, own and inherited.
const TABLES_MAX: usize = 64;
/// Columns of one table: they travel in one request.
const COLUMNS_MAX: usize = 24;
/// Values that one state map explains.
const STATES_MAX: usize = 256;

/// What a profile reads by itself when it names no modules.
const DEFAULT_MODULES: [Module; 5] = [
    Module::Interfaces,
    Module::Entity,
    Module::EntitySensors,
    Module::Host,
    Module::Lldp,
];

/// Compiles one source; `by_name` has all sources, for `extends`.
pub(super) fn compile(
    source: &Source,
    by_name: &BTreeMap<&str, &Source>,
    errors: &mut Vec<ProfileError>,
) -> Profile {
    let mut complaints = Complaints::new(source);
    let file = &source.file;
    let mut tables: Vec<TablePlan> = Vec::new();
    for module in file.modules.as_deref().unwrap_or(&DEFAULT_MODULES) {
        tables.extend(standard::tables(*module));
    }
    let identity = identity(file, &mut tables, &mut complaints);
    own_tables(source, &mut tables, &mut complaints);
    for parent in &file.extends {
        match by_name.get(parent.as_str()) {
            // One level only: a chain of parents would hide where a sensor comes from.
            Some(parent) if parent.file.extends.is_empty() => {
                own_tables(parent, &mut tables, &mut Complaints::new(parent));
            }
            Some(_) => complaints.at(
                "extends",
                parent,
                format!("`{parent}` itself extends another profile"),
            ),
            None => complaints.at(
                "extends",
                parent,
                format!("there is no profile `{parent}` to extend"),
            ),
        }
    }
    if tables.len() > TABLES_MAX {
        complaints.at("tables", "tables", format!("more than {TABLES_MAX} tables"));
    }
    for (n, table) in tables.iter().enumerate() {
        if tables[..n].iter().any(|t| t.name == table.name) {
            complaints.at(
                "tables",
                &table.name,
                format!("table `{}` comes twice", table.name),
            );
        }
    }
    let sources = std::iter::once(source).chain(
        file.extends
            .iter()
            .filter_map(|parent| by_name.get(parent.as_str()).copied()),
    );
    for table in sources.flat_map(|s| s.file.scalars.iter().chain(&s.file.tables)) {
        for other in &table.instead_of {
            let position = |name: &str| tables.iter().position(|t| &*t.name == name);
            match (position(&table.name), position(other)) {
                (Some(own), Some(other)) if own != other => tables[own].instead_of.push(other),
                _ => complaints.at(
                    &format!("name: {}", table.name),
                    other,
                    format!("there is no other table `{other}`"),
                ),
            }
        }
    }
    // Last, so that whatever else there is to read comes first.
    let around = surroundings::tables(
        file.kind,
        file.modules.as_deref().unwrap_or(&DEFAULT_MODULES),
    );
    for table in around {
        if tables.iter().all(|t| t.name != table.name) {
            tables.push(table);
        }
    }
    let mut matchers = Vec::new();
    for rule in &file.matches {
        if rule.object_id.is_empty() && rule.descr.is_none() {
            complaints.at(
                "match",
                "match",
                "a match needs `object_id` or `descr`".to_owned(),
            );
        }
        matchers.push(Matcher {
            object_ids: rule.object_id.clone(),
            descr: rule.descr.clone(),
            has: rule.has.clone(),
        });
    }
    errors.append(&mut complaints.errors);
    Profile {
        name: file.profile.as_str().into(),
        vendor: file.vendor.as_str().into(),
        kind: file.kind,
        fallback: file.fallback,
        extends: !file.extends.is_empty(),
        matchers,
        identity,
        tables,
    }
}

fn identity(
    file: &File,
    tables: &mut Vec<TablePlan>,
    complaints: &mut Complaints<'_>,
) -> IdentityPlan {
    let mut oids = Vec::new();
    let mut compile = |rules: &[file::IdentityRule]| -> Vec<IdentitySource> {
        let mut sources = Vec::new();
        for rule in rules {
            let cut = |pattern: &file::Pattern| Cut {
                pattern: pattern.clone(),
                form: rule.text.as_deref().map(Into::into),
            };
            // `map` says something about the text of an `oid` only, `pattern` also about that of an `entity`.
            let plain = rule.pattern.is_none() && rule.map.is_none();
            let source = match (&rule.oid, &rule.descr, rule.entity, &rule.text) {
                (Some(oid), None, None, text) if text.is_none() || rule.pattern.is_some() => {
                    let position = place(&mut oids, oid);
                    let map = rule.map.as_ref().map(|map| {
                        map.0
                            .iter()
                            .map(|(word, name)| (word.clone(), name.as_str().into()))
                            .collect()
                    });
                    IdentitySource::Scalar(position, rule.pattern.as_ref().map(cut), map)
                }
                (None, Some(descr), None, _) if plain => IdentitySource::Descr(cut(descr)),
                (None, None, Some(field), text)
                    if rule.map.is_none() && (text.is_none() || rule.pattern.is_some()) =>
                {
                    IdentitySource::Entity(field, rule.pattern.as_ref().map(cut))
                }
                (None, None, None, Some(text)) if plain => {
                    IdentitySource::Text(text.as_str().into())
                }
                _ => {
                    complaints.at(
                        "identity",
                        "identity",
                        "a rule of the identity needs exactly one of `oid`, `descr`, `entity`, or `text` alone or with a pattern".to_owned(),
                    );
                    continue;
                }
            };
            sources.push(match &rule.patch {
                Some(patch) => IdentitySource::Patched(Box::new(source), place(&mut oids, patch)),
                None => source,
            });
        }
        sources
    };
    let plan = IdentityPlan {
        model: compile(&file.identity.model),
        serial: compile(&file.identity.serial),
        version: compile(&file.identity.version),
    };
    if !oids.is_empty() {
        tables.push(TablePlan {
            name: "identity".into(),
            pace: Pace::Slow,
            hasten: false,
            scalar: true,
            oids,
            instead_of: Vec::new(),
            rows_max: None,
            reader: Reader::Identity,
        });
    }
    plan
}

fn own_tables(source: &Source, tables: &mut Vec<TablePlan>, complaints: &mut Complaints<'_>) {
    let states = state_maps(&source.file.states, complaints);
    for (scalar, table) in source
        .file
        .scalars
        .iter()
        .map(|t| (true, t))
        .chain(source.file.tables.iter().map(|t| (false, t)))
    {
        tables.push(compile_table(table, scalar, &states, complaints));
    }
}

fn state_maps(
    maps: &Unique<Unique<String>>,
    complaints: &mut Complaints<'_>,
) -> BTreeMap<String, Arc<StateMap>> {
    let mut compiled = BTreeMap::new();
    for (name, map) in &maps.0 {
        if map.0.len() > STATES_MAX {
            complaints.at(
                "states",
                name,
                format!("more than {STATES_MAX} states in `{name}`"),
            );
        }
        let mut states = StateMap::default();
        for (key, text) in &map.0 {
            let Some((health, words)) = file::parse_state(text) else {
                complaints.at(
                    name,
                    text,
                    format!("state `{text}`: expected `ok`, `degraded`, `critical` or `unknown`, then words"),
                );
                continue;
            };
            let meaning = (health, Arc::from(words));
            match key.parse() {
                Ok(number) => {
                    states.numbers.insert(number, meaning);
                }
                Err(_) => {
                    states.words.insert(key.to_lowercase(), meaning);
                }
            }
        }
        compiled.insert(name.clone(), Arc::new(states));
    }
    compiled
}

/// Where the object stands in the list, in which none comes twice.
fn place(oids: &mut Vec<Oid>, oid: &Oid) -> usize {
    oids.iter().position(|o| o == oid).unwrap_or_else(|| {
        oids.push(oid.clone());
        oids.len() - 1
    })
}

fn compile_table(
    table: &file::Table,
    scalar: bool,
    states: &BTreeMap<String, Arc<StateMap>>,
    complaints: &mut Complaints<'_>,
) -> TablePlan {
    let columns: Vec<&str> = table.columns.0.keys().map(String::as_str).collect();
    if columns.is_empty() || columns.len() > COLUMNS_MAX {
        complaints.at(
            &table.name,
            &table.name,
            format!("table `{}` needs 1 to {COLUMNS_MAX} columns", table.name),
        );
    }
    for (name, oid) in &table.columns.0 {
        if oid.len() < 4 {
            complaints.at(
                &table.name,
                name,
                format!("column `{name}`: {oid} is no column but half the world"),
            );
        }
    }
    let mut scope = Scope {
        table: &table.name,
        columns,
        states,
        complaints,
    };
    let only = table
        .only
        .0
        .iter()
        .map(|(c, v)| (scope.column(c), v.clone()))
        .collect();
    let unless = table
        .unless
        .0
        .iter()
        .map(|(c, v)| (scope.column(c), v.clone()))
        .collect();
    let components = table
        .components
        .iter()
        .map(|rule| ComponentPlan {
            name: scope.template(&rule.name),
            class: rule.class.as_str().into(),
            parent: rule.parent.as_ref().map(|t| scope.template(t)),
            model: rule.model.as_ref().map(|t| scope.template(t)),
            serial: rule.serial.as_ref().map(|t| scope.template(t)),
            state: scope.state(rule.state.as_ref(), rule.states.as_ref()),
            when: scope.when(&rule.when),
        })
        .collect();
    let sensors = table
        .sensors
        .iter()
        .map(|rule| scope.sensor(rule))
        .collect();
    let storage = table
        .storage
        .iter()
        .map(|rule| scope.storage(rule))
        .collect();
    let processors = table
        .processors
        .iter()
        .map(|rule| ProcessorPlan {
            name: scope.template(&rule.name),
            load: scope.column(&rule.load),
            idle: rule.idle,
            when: scope.when(&rule.when),
        })
        .collect();
    TablePlan {
        name: table.name.as_str().into(),
        pace: table.every,
        hasten: table.hasten,
        scalar,
        oids: table.columns.0.values().cloned().collect(),
        // Positions are known when all tables are.
        instead_of: Vec::new(),
        rows_max: None,
        reader: Reader::Family(Box::new(FamilyTable {
            only,
            unless,
            components,
            sensors,
            storage,
            processors,
        })),
    }
}
