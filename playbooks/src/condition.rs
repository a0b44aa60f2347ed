//! CEL expressions over the event.
//!
//! An expression sees one variable, `event`, with the fields that templates have and `args`, a
//! map. Loops (`all`, `exists`, `map`, `filter`) are refused, and `matches` takes a literal
//! pattern that is anchored at both ends: an unanchored one has let hostile names through before.

use std::collections::HashMap;
use std::sync::Arc;

use cel::common::ast::{EntryExpr, Expr, LiteralValue};
use cel::{Context, ExecutionError, IdedExpr, Program, Value};

use crate::field;
use crate::{Arg, Event};

/// Longest expression, in characters.
const EXPRESSION_CHARS_MAX: usize = 1000;

/// A checked expression.
#[derive(Clone)]
pub(crate) struct Condition {
    source: String,
    program: Arc<Program>,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Condition({})", self.source)
    }
}

/// What an expression must give.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gives {
    Bool,
    Text,
}

impl Condition {
    /// Compiles and checks an expression, trying it on `samples`.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(crate) fn parse(
        source: &str,
        gives: Gives,
        samples: &[Event],
    ) -> Result<Condition, String> {
        if source.chars().count() > EXPRESSION_CHARS_MAX {
            return Err(format!(
                "the expression is longer than {EXPRESSION_CHARS_MAX} characters"
            ));
        }
        let program = Program::compile(source).map_err(|errors| {
            let first = errors.errors.first().map(|error| {
                format!(
                    "{} (at {}:{} of the expression)",
                    error.msg.trim(),
                    error.pos.0,
                    error.pos.1
                )
            });
            format!(
                "not a CEL expression: {}",
                first.unwrap_or_else(|| errors.to_string())
            )
        })?;
        check(program.expression())?;
        let condition = Condition {
            source: source.to_owned(),
            program: Arc::new(program),
        };
        for sample in samples {
            let tried = match gives {
                Gives::Bool => condition.holds(sample).map(drop),
                Gives::Text => condition.text(sample).map(drop),
            };
            match tried {
                // Which arguments a reason has is known only when it comes.
                Ok(()) | Err(Refused::NoSuchKey) => {}
                Err(Refused::Type(got)) => {
                    let want = if gives == Gives::Bool {
                        "true or false"
                    } else {
                        "a text"
                    };
                    return Err(format!("the expression must give {want}, and gives {got}"));
                }
                Err(Refused::Other(message)) => return Err(message),
            }
        }
        Ok(condition)
    }

    /// The expression as written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether the condition holds.
    pub(crate) fn holds(&self, event: &Event) -> Result<bool, Refused> {
        match self.value(event)? {
            Value::Bool(holds) => Ok(holds),
            other => Err(Refused::Type(other.type_of().to_string())),
        }
    }

    /// The text that the expression gives.
    pub(crate) fn text(&self, event: &Event) -> Result<String, Refused> {
        match self.value(event)? {
            Value::String(text) => Ok(text.to_string()),
            other => Err(Refused::Type(other.type_of().to_string())),
        }
    }

    fn value(&self, event: &Event) -> Result<Value, Refused> {
        let mut context = Context::default();
        context.add_variable_from_value("event", variable(event));
        self.program.execute(&context).map_err(|error| match error {
            ExecutionError::NoSuchKey(_) => Refused::NoSuchKey,
            other => Refused::Other(other.to_string()),
        })
    }
}

/// Why an expression gave nothing.
#[derive(Debug)]
pub(crate) enum Refused {
    NoSuchKey,
    Type(String),
    Other(String),
}

/// The event as CEL sees it: every field is there, missing ones as empty text.
fn variable(event: &Event) -> Value {
    let mut map: HashMap<String, Value> = HashMap::new();
    for (name, field) in field::NAMES {
        let value = match field {
            field::Field::Id => Value::Int(event.id),
            field::Field::Maintenance => Value::Bool(event.maintenance),
            field::Field::Sites => event.sites.clone().into(),
            field => field
                .write(event, field::Style::Programs)
                .unwrap_or_default()
                .into(),
        };
        map.insert(name.to_owned(), value);
    }
    let args: HashMap<String, Value> = event
        .reason
        .args
        .iter()
        .map(|(name, arg)| {
            let value = match arg {
                Arg::Integer(number) => Value::Int(*number),
                Arg::Number(number) => Value::Float(*number),
                Arg::Text(text) => text.as_str().into(),
            };
            (name.clone(), value)
        })
        .collect();
    map.insert("args".to_owned(), args.into());
    map.into()
}

/// Walks the whole expression. The parser bounds its depth.
fn check(expr: &IdedExpr) -> Result<(), String> {
    match &expr.expr {
        Expr::Unspecified | Expr::Literal(_) => Ok(()),
        Expr::Comprehension(_) => {
            Err("loops (all, exists, map, filter) are not allowed".to_owned())
        }
        Expr::Ident(name) if name == "event" => Ok(()),
        Expr::Ident(name) => Err(format!("`{name}` is unknown; there is only `event`")),
        Expr::Select(select) => {
            let on_event = matches!(&select.operand.expr, Expr::Ident(name) if name == "event");
            let known = select.field == "args"
                || field::NAMES.iter().any(|(name, _)| *name == select.field);
            if on_event && !known {
                return Err(format!("an event has no field `{}`", select.field));
            }
            check(&select.operand)
        }
        Expr::Call(call) => {
            if call.func_name == "matches" {
                check_pattern(call.args.last())?;
            }
            call.target
                .iter()
                .map(|target| &**target)
                .chain(&call.args)
                .try_for_each(check)
        }
        Expr::List(list) => list.elements.iter().try_for_each(check),
        Expr::Map(map) => map
            .entries
            .iter()
            .try_for_each(|entry| check_entry(&entry.expr)),
        Expr::Struct(_) => Err("structures are not allowed".to_owned()),
    }
}

fn check_entry(entry: &EntryExpr) -> Result<(), String> {
    match entry {
        EntryExpr::StructField(field) => check(&field.value),
        EntryExpr::MapEntry(entry) => {
            check(&entry.key)?;
            check(&entry.value)
        }
    }
}

fn check_pattern(pattern: Option<&IdedExpr>) -> Result<(), String> {
    let Some(Expr::Literal(LiteralValue::String(pattern))) = pattern.map(|pattern| &pattern.expr)
    else {
        return Err("the pattern of `matches` must be a literal text".to_owned());
    };
    let pattern = pattern.inner();
    // A top-level alternative would escape the anchors: `^a|b$`.
    let anchored = pattern.starts_with('^') && pattern.ends_with('$') && !pattern.ends_with("\\$");
    // `(?m)` would make the anchors those of a line.
    let has_flags = pattern.replace("(?:", "(").contains("(?");
    if !anchored || has_flags || has_bare_alternative(pattern) {
        return Err(format!(
            "anchor the pattern as ^(…)$: `{pattern}` would match inside a longer text"
        ));
    }
    Ok(())
}

/// Whether a `|` stands outside all brackets.
fn has_bare_alternative(pattern: &str) -> bool {
    let mut depth = 0_i32;
    let mut in_class = false;
    let mut escaped = false;
    for c in pattern.chars() {
        match c {
            _ if escaped => {
                escaped = false;
                continue;
            }
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => depth += 1,
            ')' if !in_class => depth -= 1,
            '|' if !in_class && depth == 0 => return true,
            _ => {}
        }
    }
    false
}
