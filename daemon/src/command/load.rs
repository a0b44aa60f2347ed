//! `load`: synthetic sites at a server, before a big day.

use std::ffi::OsString;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use nhipcau_media_load::{LineOptions, LoadError, Plan, Target};

use super::line::Line;
use crate::edge::{EXIT_UNAVAILABLE, EXIT_USAGE, fail, note, print};

pub(super) const HELP: &str = "\
  nhipcau load WHERE [options]            many synthetic sites at a server; what arrived at them as JSON, how it goes on standard error
      --links FILE                          rooms of ours: join links, one a line
      --url ORIGIN --conference ID --account NAME --password-file FILE    all links of a conference, as a host reads them
      --whip URL --whep URL [--token-file FILE]    any WHIP and WHEP server; {n} in an address is the site's number, tokens one a line
      --peers N --publishers N --layers 1..3       sites (all links, 10 elsewhere), those with cameras (1), their simulcast layers (3)
      --seconds N --ramp N                  length of the run (60), within which all join (5)
      --tiles N --turn-every N --speaker-every N   tiles of a page (0), seconds until it is turned, and until another speaks (0: never)
      --churn N                             viewers that leave and come back, a minute
      --loss PERCENT --delay MS --jitter MS --reorder PERCENT --rate KBPS --line-peers N    a bad line, of the last N sites (all)
      --seed N --bind ADDRESS --ca FILE     what chance begins with, local address, certificates to trust (PEM)
";

/// Sites at an endpoint unless said otherwise.
const ENDPOINT_PEERS: usize = 10;

/// `nhipcau load`.
#[derive(Debug)]
pub(crate) struct Load {
    plan: Plan,
}

impl Load {
    pub(super) fn read(line: &mut Line) -> Result<Self, String> {
        let target = target(line)?;
        let peers = match &target {
            Target::Links(links) => links.len(),
            Target::Conference { .. } | Target::Endpoints { .. } => ENDPOINT_PEERS,
        };
        let mut plan = Plan::new(target);
        plan.peers = number(line, "peers")?.unwrap_or(peers);
        plan.publishers = number(line, "publishers")?.unwrap_or(plan.publishers);
        plan.layers = number(line, "layers")?.unwrap_or(plan.layers);
        plan.tiles = number(line, "tiles")?.unwrap_or(plan.tiles);
        plan.length = seconds(line, "seconds")?.unwrap_or(plan.length);
        plan.ramp = seconds(line, "ramp")?.unwrap_or(plan.ramp.min(plan.length / 2));
        plan.turn_every = seconds(line, "turn-every")?.unwrap_or_default();
        plan.speaker_every = seconds(line, "speaker-every")?.unwrap_or_default();
        plan.churn_per_minute = positive(line, "churn")?.unwrap_or_default();
        plan.seed = number(line, "seed")?.unwrap_or(plan.seed);
        plan.bind = number(line, "bind")?;
        plan.ca = line.value("ca").map(Into::into);
        plan.line = bad_line(line, plan.seed)?;
        plan.line_peers = number(line, "line-peers")?.unwrap_or(plan.peers);
        if !matches!(plan.target, Target::Conference { .. }) {
            plan.origin = line.text("url")?;
        }
        plan.check()?;
        Ok(Self { plan })
    }

    pub(super) fn carry_out(self) -> ExitCode {
        match nhipcau_media_load::run(&self.plan, note) {
            Ok(report) => {
                note(report.lines().trim_end());
                match serde_json::to_string_pretty(&report) {
                    Ok(text) => print(&(text + "\n")),
                    Err(error) => fail(&error.to_string(), EXIT_UNAVAILABLE),
                }
            }
            Err(error @ LoadError::Plan(_)) => fail(&error.to_string(), EXIT_USAGE),
            Err(error) => fail(&error.to_string(), EXIT_UNAVAILABLE),
        }
    }
}

fn target(line: &mut Line) -> Result<Target, String> {
    let links = line.value("links");
    let conference = number(line, "conference")?;
    let (whip, whep) = (line.text("whip")?, line.text("whep")?);
    match (links, conference, whip.is_some() || whep.is_some()) {
        (Some(path), None, false) => Ok(Target::Links(lines(path)?)),
        (None, Some(id), false) => {
            let mut needed = |name: &str| {
                line.text(name)?
                    .ok_or_else(|| format!("--conference needs --{name}"))
            };
            let (origin, username) = (needed("url")?, needed("account")?);
            let password = line
                .value("password-file")
                .ok_or("--conference needs --password-file")?;
            let password = lines(password)?.into_iter().next();
            Ok(Target::Conference {
                origin,
                id,
                username,
                password: password.ok_or("the password's file is empty")?,
            })
        }
        (None, None, true) => {
            let tokens = line.value("token-file").map(lines).transpose()?;
            Ok(Target::Endpoints {
                whip,
                whep,
                tokens: tokens.unwrap_or_default(),
            })
        }
        _ => Err("load needs one of --links, --conference, --whip and --whep".into()),
    }
}

fn bad_line(line: &mut Line, seed: u64) -> Result<LineOptions, String> {
    let ms = |value: f64| Duration::from_secs_f64(value / 1_000.0);
    let mut value = |name| positive(line, name);
    Ok(LineOptions {
        loss: value("loss")?.unwrap_or_default() / 100.0,
        delay: value("delay")?.map(ms).unwrap_or_default(),
        jitter: value("jitter")?.map(ms).unwrap_or_default(),
        reorder: value("reorder")?.unwrap_or_default() / 100.0,
        rate_bps: value("rate")?.map(|kbps| (kbps * 1_000.0).max(1.0) as u64),
        seed,
        ..LineOptions::default()
    })
}

/// The lines of a file that say something. What stands in them may be secret and is not repeated.
fn lines(path: OsString) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(&path)
        .map_err(|error| format!("{}: {error}", path.to_string_lossy()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    Ok(lines.map(str::to_owned).collect())
}

fn number<T: FromStr>(line: &mut Line, name: &str) -> Result<Option<T>, String> {
    let text = line.text(name)?;
    text.map(|text| {
        text.parse()
            .map_err(|_| format!("--{name}: {text:?} is not understood"))
    })
    .transpose()
}

/// A number that is not negative, below a day in seconds.
fn positive(line: &mut Line, name: &str) -> Result<Option<f64>, String> {
    let value = number::<f64>(line, name)?;
    match value {
        Some(value) if !(0.0..=1e9).contains(&value) => {
            Err(format!("--{name}: {value} is out of range"))
        }
        value => Ok(value),
    }
}

fn seconds(line: &mut Line, name: &str) -> Result<Option<Duration>, String> {
    Ok(positive(line, name)?.map(Duration::from_secs_f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Plan, String> {
        let words = text.split_whitespace().map(OsString::from);
        let mut line = Line::read(std::iter::once("nhipcau".into()).chain(words))
            .map_err(|error| error.to_string())?;
        let load = Load::read(&mut line)?;
        let _ = line.words();
        line.finish()?;
        Ok(load.plan)
    }

    #[test]
    fn endpoints_and_lines_are_read() {
        let plan = read(
            "load --whip http://h/whip --whep http://h/whep/{n} --peers 30 --publishers 2 --seconds 20 --loss 10 --delay 100 --rate 512",
        )
        .unwrap();
        assert_eq!((plan.peers, plan.publishers, plan.line_peers), (30, 2, 30));
        assert_eq!(plan.line.loss, 0.1);
        assert_eq!(plan.line.rate_bps, Some(512_000));
        assert_eq!(plan.ramp, Duration::from_secs(5));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for line in [
            "load",
            "load --whep http://h/whep",
            "load --whip http://h/whip --conference 3",
            "load --conference 3 --url http://h",
            "load --links /nowhere/at/all",
            "load --whip http://h --whep http://h --loss 120",
            "load --whip http://h --whep http://h --peers 3000",
            "load --whip http://h --whep http://h --seconds -1",
            "load --whip http://h --whep http://h --lab",
        ] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
