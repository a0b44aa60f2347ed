//! What can go wrong with a lab.

use std::net::SocketAddr;

/// Why a lab did not start or did not do what it was told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// An address of an agent cannot be bound.
    #[error("cannot listen on {address} for {device}: {source}")]
    Bind {
        /// Id of the device.
        device: String,
        /// The address that is taken or not ours.
        address: SocketAddr,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A value of [`crate::LabConfig`] is out of its range.
    #[error("lab: {key}: {reason}")]
    Config {
        /// Field of the configuration.
        key: &'static str,
        /// The range that it must keep.
        reason: String,
    },
    /// No link, device or sensor of that name.
    #[error("no {what} `{name}` in the lab{}", near_text(.near))]
    Unknown {
        /// `link`, `device`, `sensor of DEVICE` or `fault`.
        what: String,
        /// The name that was asked for.
        name: String,
        /// Names that are spelled alike, best first, at most five.
        near: Vec<String>,
    },
    /// The words name nothing that can be broken.
    #[error(
        "`{text}` is not a fault; say a link, `power`, `fan DEVICE`, `sensor DEVICE SENSOR hot` or `device DEVICE off`"
    )]
    Words {
        /// What was said.
        text: String,
    },
    /// A recording cannot be replayed.
    #[error("recording, line {line}: {reason}")]
    Recording {
        /// Line, counted from one.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The v3 keys cannot be made.
    #[error("lab: v3 user: {0}")]
    User(String),
}

fn near_text(near: &[String]) -> String {
    if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", near.join(", "))
    }
}

/// The names among `known` that `name` may have meant: those that contain it, then those a few letters away.
pub(crate) fn near(name: &str, known: &[&str]) -> Vec<String> {
    const NEAR_MAX: usize = 5;
    let mut ranked: Vec<(usize, &str)> = known
        .iter()
        .map(|candidate| {
            (
                if candidate.contains(name) && !name.is_empty() {
                    0
                } else {
                    distance(name, candidate)
                },
                *candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= candidate.len() / 3)
        .collect();
    ranked.sort_unstable();
    ranked
        .into_iter()
        .take(NEAR_MAX)
        .map(|(_, candidate)| candidate.to_owned())
        .collect()
}

/// How many letters have to be changed, added or left out.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let change = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_matches() {
        let known = ["isr4431--r-tam-ky", "isr4431--r-hoi-an", "core4503--ftd1"];
        assert_eq!(near("r-tam-ky", &known), ["isr4431--r-tam-ky"]);
        assert_eq!(near("isr4431-r-tam-ky", &known)[0], "isr4431--r-tam-ky");
        assert!(near("zzz", &known).is_empty());
    }
}
